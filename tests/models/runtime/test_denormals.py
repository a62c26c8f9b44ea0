"""Denormals are zero while a network runs, in every thread that works on it, and nowhere else."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.catalogue.onnx_graph import GraphBuilder
from models.runtime.denormals import SUPPORTED, flushed
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings

SMALL = np.full(1 << 16, 1e-40, np.float32)

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="this processor or C library is not known")


def kept() -> float:
    """The share of denormals that this thread computes with."""
    return float(np.mean(SMALL * np.float32(1) > 0))


def doubling(width: int) -> bytes:
    """A graph that multiplies a 1×width tensor by two."""
    graph = GraphBuilder("double")
    graph.add("Mul", ["x", graph.weight("two", np.full((1, width), 2, np.float32))], "y")
    return graph.finished(("x", (1, width)), [("y", (1, width))])


def test_denormals_are_zero_only_inside_block() -> None:
    assert kept() == 1
    with flushed():
        assert kept() == 0
        with flushed():
            assert kept() == 0
        assert kept() == 0
    assert kept() == 1


def test_error_inside_block_restores_denormals() -> None:
    with pytest.raises(ValueError, match="of the block"), flushed():
        raise ValueError("of the block")
    assert kept() == 1


def test_another_thread_computes_as_before() -> None:
    with ThreadPoolExecutor(max_workers=1) as other:
        assert other.submit(kept).result() == 1
        with flushed():
            assert other.submit(kept).result() == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_network_emits_no_denormal(threads: int) -> None:
    session = OrtSession(doubling(len(SMALL)), "double", RuntimeSettings(threads=threads), [(1, len(SMALL))])
    (answer,) = session.run(SMALL[None]).values()
    assert not answer.any()
    (answer,) = session.run(np.ones_like(SMALL)[None]).values()
    assert (answer == 2).all()
    assert kept() == 1
