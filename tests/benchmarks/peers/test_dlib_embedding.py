"""One network by two runtimes: the same chips, the same answers; never how fast."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.acquisition.other_libraries import INSTALL
from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.result import NotAvailable
from benchmarks.peers import dlib_embedding
from benchmarks.peers.dlib_embedding import Embed, Point
from lane.capture.measuring import Measurer
from models.catalogue import catalogue, weights
from models.values.face import ImageBGR

EIGHT = Point(8, 1, 0.2)


@pytest.fixture(scope="module")
def graph() -> bytes:
    spec = catalogue.load().named(dlib_embedding.NETWORK)
    if weights.state(spec, weights.cache_dir()) != "ready":
        pytest.skip(f"{spec.name} is not prepared here")
    return weights.load(spec, weights.cache_dir())


@pytest.fixture(scope="module")
def chips(measurer: Measurer, walk: Walk) -> list[ImageBGR]:
    return dlib_embedding.chips_of(measurer.networks, catalogue.load().named(dlib_embedding.NETWORK), walk, 8)


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
    spec = catalogue.load().named(dlib_embedding.NETWORK)
    together = dlib_embedding.ours(spec, graph, EIGHT)(chips)
    alone = np.concatenate([dlib_embedding.ours(spec, graph, Point(1, 1, 0.5))([chip]) for chip in chips])
    assert together.shape == (8, 128)
    assert np.abs(together - alone).max() < 1e-4


def test_dlib_gets_rgb_singly_or_batched() -> None:
    blue = np.zeros((150, 150, 3), np.uint8)
    blue[..., 0] = 200
    embed = dlib_embedding.by_dlib(Named())
    assert embed([blue]).shape == (1, 128)
    assert embed([blue] * 8).shape == (8, 128)
    assert not embed([blue]).any()  # its first channel is red


@pytest.mark.thorough
def test_answers_that_differ_are_not_timed(chips: list[ImageBGR]) -> None:
    def answering(value: float) -> Embed:
        def embed(asked: Sequence[ImageBGR]) -> NDArray[np.float32]:
            return np.full((len(asked), 128), value, np.float32)

        return embed

    fast, *_ = dlib_embedding._at(EIGHT, answering(1.0), answering(1.0005), chips, 10)
    assert (fast.name[1], fast.n) == ("8 at once on 1", 2)
    with pytest.raises(BenchmarkError, match="worth nothing"):
        list(dlib_embedding._at(EIGHT, answering(1.0), answering(1.01), chips, 10))
    with pytest.raises(BenchmarkError, match="worth nothing"):
        list(dlib_embedding._at(EIGHT, answering(1.0), answering(float("nan")), chips, 10))


def test_missing_dlib_gives_install_advice(measurer: Measurer, walk: Walk) -> None:
    if find_spec("dlib") is None:
        (none,) = dlib_embedding.compared(measurer.networks, walk, 4)
        assert none.value == NotAvailable(not_available=INSTALL)
