"""Ours and a peer's work on the same frames: what is compared, in which order, and what is not timed."""

import json
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.acquisition.other_libraries import INSTALL
from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk, holder
from benchmarks.harness.frame_pass import LanePass
from benchmarks.peers import measure
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from models.image import decode
from models.runtime.onnx_runtime import available_providers
from models.runtime.providers import OPENVINO
from models.values.face import ImageBGR
from tests.support.benchmarks.command_line import run


@pytest.fixture(scope="module")
def walk(measurer: Measurer, photos: object) -> Walk:
    assert photos
    return holder(measurer)


@pytest.fixture
def lane(measurer: Measurer, policy: Policy, walk: Walk) -> LanePass:
    return LanePass(measurer, policy, walk)


class Noted:
    """A peer that always knows the holder, or never, and notes when it is asked."""

    does = "nothing"

    def __init__(self, order: list[str], *, right: bool) -> None:
        self._order, self._right = order, right

    def recognises(self, frame: ImageBGR) -> bool:
        self._order.append("peer")
        return self._right


def test_both_go_first_by_turns(walk: Walk) -> None:
    order: list[str] = []

    def work(name: str, frame: ImageBGR) -> int:
        order.append(name)
        return 2_000_000

    works = {name: partial(work, name) for name in (measure.WHOLE, measure.SAME_JOB)}
    told = measure._beside("noted", Noted(order, right=True), works, walk, 4)
    there, back = ["whole", "same_job", "peer"], ["peer", "same_job", "whole"]
    assert order == [*there * measure.WARM_UP, *back, *there, *back, *there]
    assert told["against"] == "whole"
    assert told["ratio"] == told["ours"]["whole"]["ratio"] < 1
    assert told["recognised"] == told["n"] == told["time"]["n"] == 4


def test_a_peer_that_does_not_know_the_holder_is_not_timed(walk: Walk) -> None:
    works: dict[str, measure.Work] = {name: lambda frame: 1 for name in (measure.WHOLE, measure.SAME_JOB)}
    with pytest.raises(BenchmarkError, match="noted did not recognise"):
        measure._beside("noted", Noted([], right=False), works, walk, 4)


def test_each_of_our_jobs_knows_the_holder_and_nobody_else(lane: LanePass, walk: Walk) -> None:
    document = decode(walk.document.photo)
    works = measure.ours(lane, document)
    assert set(works) == set(measure.DOES)
    assert all(work(walk.frames[0]) > 0 for work in works.values())
    nobody = np.zeros_like(walk.frames[0])
    for job in (measure.SAME_JOB, measure.SAME_GRAPHS):
        with pytest.raises(BenchmarkError, match="no face"):
            works[job](nobody)


def test_another_persons_face_is_not_timed(lane: LanePass, walk: Walk, photos: Path) -> None:
    stranger = cv2.imread(str(photos / "biden.jpg"))
    assert stranger is not None
    works = measure.ours(lane, np.asarray(stranger, np.uint8))
    for job in (measure.SAME_JOB, measure.SAME_GRAPHS):
        with pytest.raises(BenchmarkError, match="not recognised"):
            works[job](walk.frames[0])


@pytest.mark.thorough
def test_every_peer_is_told_with_what_it_does_or_why_not(photos: Path) -> None:
    assert photos.is_dir()
    done = run("peers", "--frames", "2", "--json", "-")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)["peers"]
    assert set(told) == {"face_recognition", "opencv", "insightface", "deepface"}
    opencv = told["opencv"]
    assert opencv["against"] == "same_job"
    assert set(opencv["ours"]) == {"whole", "same_job", "same_graphs"}
    low, high = opencv["interval"]
    assert low <= opencv["ratio"] <= high
    if find_spec("face_recognition") is None:
        assert told["face_recognition"] == {"skipped": INSTALL}


@pytest.mark.parametrize(
    "command", [("peers", "--frames", "2"), ("capacity", "--quick"), ("latency", "--quick")]
)
@pytest.mark.thorough
def test_nothing_is_timed_in_fp32_that_was_asked_for_in_bfloat16(command: tuple[str, ...]) -> None:
    if OPENVINO in available_providers():
        pytest.skip("OpenVINO is here: whether it is refused depends on the processor")
    done = run(*command, "--bf16", "--json", "-")
    assert done.returncode == 2
    assert "the settings require bf16" in done.stderr
    assert not done.stdout
