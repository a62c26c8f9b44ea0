"""Ours and a peer's work, and one network by two runtimes: what is compared, and what is not timed."""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.acquisition.other_libraries import INSTALL
from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.measurer import LanePass
from benchmarks.harness.result import parse
from benchmarks.peers import peers
from benchmarks.peers.peers import Embed, Point
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from models.catalogue import catalogue, weights
from models.image import decode, read
from models.runtime.onnx_runtime import available_providers
from models.runtime.providers import OPENVINO
from models.values.face import ImageBGR
from tests.support.benchmarks.command_line import run

EIGHT = Point(8, 1, 0.2)


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
    """A peer that does not know the holder is not timed."""
    order: list[str] = []

    def work(name: str, frame: ImageBGR) -> int:
        order.append(name)
        return 2_000_000

    works = {name: partial(work, name) for name in (peers.WHOLE, peers.SAME_JOB)}
    figures = {one.name: one for one in peers._beside("noted", Noted(order, right=True), works, walk, 4)}
    there, next_there = ["whole", "same job", "peer"], ["same job", "peer", "whole"]
    turns = [*there, *reversed(there), *next_there, *reversed(next_there)]
    assert order == [*there * peers.WARM_UP, *turns]
    assert 0 < (figures["noted", "whole", "times as fast"].number or 0) < 1
    assert {one.n for one in figures.values()} == {4}
    with pytest.raises(BenchmarkError, match="noted did not recognise"):
        list(peers._beside("noted", Noted([], right=False), works, walk, 4))


def test_each_job_recognises_only_holder(lane: LanePass, walk: Walk, photos: Path) -> None:
    document = decode(walk.document.photo)
    works = peers.ours(lane, document)
    assert set(works) == set(peers.DOES)
    assert all(work(walk.frames[0]) > 0 for work in works.values())
    nobody = np.zeros_like(walk.frames[0])
    for job in (peers.SAME_JOB, peers.SAME_GRAPHS):
        with pytest.raises(BenchmarkError, match="no face"):
            works[job](nobody)
        with pytest.raises(BenchmarkError, match="not recognised"):
            peers.ours(lane, read(photos / "biden.jpg"))[job](walk.frames[0])


@pytest.mark.thorough
def test_every_peer_has_figures_or_reason(photos: Path) -> None:
    done = run("peers", "--frames", "2", "--json", "-")
    assert done.returncode == 0, done.stderr
    result = parse(done.stdout, "standard output")
    every = {"face_recognition", "opencv", "insightface", "deepface", peers.TABLE}
    assert {one.name[0] for one in result.figures} == every
    for job in ("whole", "same job", "same graphs"):
        one = result["opencv", job, "times as fast"]
        assert one.interval is not None
        assert one.interval[0] <= (one.number or 0) <= one.interval[1]
        assert job in result.meaning
    for package, name in (("face_recognition", "face_recognition"), ("dlib", peers.TABLE)):
        assert find_spec(package) is not None or result.not_available[name] == INSTALL


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


@pytest.fixture(scope="module")
def graph() -> bytes:
    spec = catalogue.load().named(peers.NETWORK)
    if weights.state(spec, weights.cache_dir()) != "ready":
        pytest.skip(f"{spec.name} is not prepared here")
    return weights.load(spec, weights.cache_dir())


@pytest.fixture(scope="module")
def chips(measurer: Measurer, walk: Walk) -> list[ImageBGR]:
    return peers.chips_of(measurer.networks, catalogue.load().named(peers.NETWORK), walk, 8)


class Named:
    """As dlib: one chip's vector, or a list of them."""

    def compute_face_descriptor(self, rgb: ImageBGR | list[ImageBGR]) -> list[float] | list[list[float]]:
        if isinstance(rgb, list):
            return [[float(one[0, 0, 0])] * 128 for one in rgb]
        return [float(rgb[0, 0, 0])] * 128


def test_chips_are_faces_on_dlibs_layout(chips: list[ImageBGR]) -> None:
    assert [chip.shape for chip in chips] == [(150, 150, 3)] * 8
    assert all(np.ptp(chip) > 100 for chip in chips)


def test_batch_answers_as_one_by_one(graph: bytes, chips: list[ImageBGR]) -> None:
    spec = catalogue.load().named(peers.NETWORK)
    together = peers.by_our_runtime(spec, graph, EIGHT)(chips)
    alone = np.concatenate([peers.by_our_runtime(spec, graph, Point(1, 1, 0.5))([chip]) for chip in chips])
    assert together.shape == (8, 128)
    assert np.abs(together - alone).max() < 1e-4


def test_dlib_gets_rgb_singly_or_batched() -> None:
    blue = np.zeros((150, 150, 3), np.uint8)
    blue[..., 0] = 200
    embed = peers.by_dlib(Named())
    assert embed([blue]).shape == (1, 128)
    assert embed([blue] * 8).shape == (8, 128)
    assert not embed([blue]).any()  # its first channel is red


@pytest.mark.thorough
def test_answers_that_differ_are_not_timed(chips: list[ImageBGR]) -> None:
    def answering(value: float) -> Embed:
        def embed(asked: Sequence[ImageBGR]) -> NDArray[np.float32]:
            return np.full((len(asked), 128), value, np.float32)

        return embed

    fast, *_ = peers._at(EIGHT, answering(1.0), answering(1.0005), chips, 10)
    assert (fast.name[1], fast.n) == ("8 at once on 1", 2)
    for other in (1.01, float("nan")):
        with pytest.raises(BenchmarkError, match="worth nothing"):
            list(peers._at(EIGHT, answering(1.0), answering(other), chips, 10))
