"""A case of known truth, made by a lane, is one that a desk keeps."""

import json
from pathlib import Path

import pytest

from api.review.officer_accuracy import Truth
from api.review.prepared import case_file
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.demo import photos as store
from lane.passage.prepared_case import prepare
from lane.platform.clock import SystemClock
from lane.platform.errors import PictureError


def test_desk_reads_lanes_prepared_case(photos: Path, measurer: Measurer, policy: Policy) -> None:
    assert photos == store.folder()
    pictures = [photos / "obama.jpg", photos / "biden.jpg"]
    case = prepare(pictures[0], pictures[1:], "different", measurer, policy, SystemClock(), training=True)
    kept = case_file.read(json.dumps(case).encode(), lambda _: None)
    assert (kept.truth, kept.training) == (Truth.DIFFERENT, True)
    assert "F10" in {one.code for one in kept.judged.reasons}
    assert all(one.eyes for one in kept.judged.images)
    assert kept.judged.evidence.similarity.value is not None


def test_case_needs_live_picture(measurer: Measurer, policy: Policy) -> None:
    with pytest.raises(PictureError, match="live pictures"):
        prepare(Path("a.jpg"), [], "same", measurer, policy, SystemClock(), training=False)
