"""Planes of zeros that a convolution adds are the planes that a padding added."""

import numpy as np
import onnx
import pytest

from models.convert.onnx_graph import GraphBuilder
from models.runtime.prelu import in_fewer_steps
from tests.models.runtime.test_prelu import SHAPE, answer, operators

PADDED = (2, 6, 6, 5)


def network(pads: list[int], shape: tuple[int, ...], *extra: str) -> bytes:
    """A picture bent, padded and bent again."""
    graph = GraphBuilder("padded")
    graph.weight("one", np.array(1, np.float32))
    slope = graph.weight("slope", np.full((1, 1, 1), 0.25, np.float32))
    bent = graph.prelu("in", slope, "bent")
    padded = graph.add("Pad", [bent, graph.weight("pads", np.array(pads, np.int64)), *extra], "padded")
    graph.prelu(padded, slope, "out")
    return graph.finished(("in", SHAPE), [("out", shape)])


@pytest.mark.parametrize(
    ("pads", "shape"), [([0, 0, 0, 0, 0, 2, 0, 0], PADDED), ([0, 0, 0, 0, 0, 0, 0, 0], SHAPE)]
)
def test_planes_are_added_without_padding(pads: list[int], shape: tuple[int, ...]) -> None:
    before = network(pads, shape)
    after = in_fewer_steps(before)
    assert "Pad" in operators(before)
    assert "Pad" not in operators(after)
    onnx.checker.check_model(onnx.load_from_string(after), full_check=True)
    picture = np.random.default_rng(0).normal(0, 3, SHAPE).astype(np.float32)
    assert np.array_equal(answer(after, picture), answer(before, picture))


@pytest.mark.parametrize(
    ("pads", "shape", "extra"),
    [
        ([0, 0, 1, 0, 0, 2, 0, 0], (2, 6, 7, 5), ()),
        ([0, 2, 0, 0, 0, 0, 0, 0], PADDED, ()),
        ([0, 0, 0, 0, 0, -1, 0, 0], (2, 3, 6, 5), ()),
        ([0, 0, 0, 0, 0, 2, 0, 0], PADDED, ("one",)),
    ],
    ids=["rows, too", "planes before", "a plane cut off", "planes of ones"],
)
def test_any_other_padding_stays(pads: list[int], shape: tuple[int, ...], extra: tuple[str, ...]) -> None:
    assert operators(in_fewer_steps(network(pads, shape, *extra)))["Pad"] == 1
