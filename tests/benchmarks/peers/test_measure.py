"""Ours and a peer's work on the same frames: what is compared, in which order, and what is not timed."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.acquisition.other_libraries import INSTALL
from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.frame_pass import LanePass
from benchmarks.harness.result_file import parse
from benchmarks.peers import dlib_embedding, measure
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from models.image import decode
from models.runtime.onnx_runtime import available_providers
from models.runtime.providers import OPENVINO
from models.values.face import ImageBGR
from tests.support.benchmarks.command_line import run


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
    figures = {one.name: one for one in measure._beside("noted", Noted(order, right=True), works, walk, 4)}
    there, next_there = ["whole", "same job", "peer"], ["same job", "peer", "whole"]
    turns = [*there, *reversed(there), *next_there, *reversed(next_there)]
    assert order == [*there * measure.WARM_UP, *turns]
    assert 0 < (figures["noted", "whole", "times as fast"].number or 0) < 1
    assert {one.n for one in figures.values()} == {4}


def test_peer_missing_holder_is_not_timed(walk: Walk) -> None:
    works: dict[str, measure.Work] = {name: lambda frame: 1 for name in (measure.WHOLE, measure.SAME_JOB)}
    with pytest.raises(BenchmarkError, match="noted did not recognise"):
        list(measure._beside("noted", Noted([], right=False), works, walk, 4))


def test_each_job_recognises_only_holder(lane: LanePass, walk: Walk) -> None:
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
def test_every_peer_has_figures_or_reason(photos: Path) -> None:
    assert photos.is_dir()
    done = run("peers", "--frames", "2", "--json", "-")
    assert done.returncode == 0, done.stderr
    result = parse(done.stdout, "standard output")
    peers = {"face_recognition", "opencv", "insightface", "deepface", dlib_embedding.TABLE}
    assert {one.name[0] for one in result.figures} == peers
    for job in ("whole", "same job", "same graphs"):
        one = result["opencv", job, "times as fast"]
        assert one.interval is not None
        assert one.interval[0] <= (one.number or 0) <= one.interval[1]
        assert job in result.meaning
    if find_spec("face_recognition") is None:
        assert result.not_available["face_recognition"] == INSTALL


@pytest.mark.parametrize(
    "command", [("peers", "--frames", "2"), ("capacity", "--quick"), ("latency", "--quick")]
)
@pytest.mark.thorough
def test_bfloat16_request_never_timed_in_fp32(command: tuple[str, ...]) -> None:
    if OPENVINO in available_providers():
        pytest.skip("OpenVINO is here: whether it is refused depends on the processor")
    done = run(*command, "--bf16", "--json", "-")
    assert done.returncode == 2
    assert "the settings require bf16" in done.stderr
    assert not done.stdout
