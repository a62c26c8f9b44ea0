"""A network in fewer steps answers as before, whatever its slopes and convolutions."""

from collections import Counter

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from models.catalogue.onnx_graph import GraphBuilder
from models.runtime.fewer_steps import in_fewer_steps
from models.runtime.machine import vendor
from models.runtime.onnx_runtime import OrtSession
from tests.models.conftest import ONE_THREAD

CHANNELS = 4
SHAPE = (2, CHANNELS, 6, 5)
SLOPES = st.lists(st.sampled_from([-0.81, 0.0, 0.25, 1.0, 1.12, 3.0]), min_size=CHANNELS, max_size=CHANNELS)
KINDS = st.sampled_from(["pointwise", "depthwise", "grouped", "long"])


LAYERS = [("depthwise", True, [0.1, 1.12, -0.3, 0.5]), ("pointwise", False, [0.1, 0.2, 0.3, -0.4])]


def network(layers: list[tuple[str, bool, list[float]]], seed: int = 0, *, asked: str = "out") -> bytes:
    """Convolutions of these kinds, each with or without a batch norm, and with a PReLU of these slopes."""
    rng = np.random.default_rng(seed)
    graph, x = GraphBuilder("bent"), "in"
    for number, (kind, norm, slopes) in enumerate(layers):
        name = f"layer{number}"
        x = convolved(graph, kind, x, name, rng)
        if norm:
            x = graph.add("BatchNormalization", [x, *norm_weights(graph, name, rng)], f"{name}_norm")
        slope = graph.weight(f"{name}_slope", np.array(slopes, np.float32).reshape(-1, 1, 1))
        x = graph.prelu(x, slope, f"{name}_bent")
    graph.add("Identity", [x], "out")
    return graph.finished(("in", SHAPE), [(asked, SHAPE)])


def convolved(graph: GraphBuilder, kind: str, x: str, name: str, rng: np.random.Generator) -> str:
    groups, side = {"pointwise": (1, 1), "depthwise": (4, 3), "grouped": (2, 3), "long": (1, 3)}[kind]
    kernel = rng.normal(size=(CHANNELS, CHANNELS // groups, side, side)).astype(np.float32)
    weights = [graph.weight(f"{name}_w", kernel)]
    if kind != "grouped":
        weights.append(graph.weight(f"{name}_b", rng.normal(size=CHANNELS).astype(np.float32)))
    pads = [side // 2] * 4
    return graph.add("Conv", [x, *weights], f"{name}_conv", group=groups, pads=pads)


def norm_weights(graph: GraphBuilder, name: str, rng: np.random.Generator) -> list[str]:
    gain, offset, mean = rng.normal(size=(3, CHANNELS)).astype(np.float32)
    variance = rng.uniform(0.5, 2, CHANNELS).astype(np.float32)
    values = {"gain": gain, "offset": offset, "mean": mean, "variance": variance}
    return [graph.weight(f"{name}_{what}", numbers) for what, numbers in values.items()]


def answer(graph: bytes, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    model = onnx.load_from_string(graph)
    (found,) = ReferenceEvaluator(model).run(None, {"in": picture})
    return np.asarray(found, np.float32)


def operators(graph: bytes) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load_from_string(graph).graph.node)


@given(
    st.lists(st.tuples(KINDS, st.booleans(), SLOPES), min_size=1, max_size=3),
    st.integers(0, 9),
    st.sampled_from(["GenuineIntel", "AuthenticAMD", ""]),
)
def test_fewer_steps_are_the_same_function(
    layers: list[tuple[str, bool, list[float]]], seed: int, vendor: str
) -> None:
    before = network(layers, seed)
    picture = np.random.default_rng(seed).normal(0, 3, SHAPE).astype(np.float32)
    expected, found = answer(before, picture), answer(in_fewer_steps(before, vendor), picture)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_small_slopes_keep_same_bits() -> None:
    """ReLU before the product or after it: the same product is rounded."""
    graph = GraphBuilder("bent")
    slope = graph.weight("slope", np.array([-0.81, 0.1, 0.7, 1.0], np.float32).reshape(-1, 1, 1))
    graph.prelu("in", slope, "out")
    before = graph.finished(("in", SHAPE), [("out", SHAPE)])
    after = in_fewer_steps(before)
    assert after != before
    picture = np.random.default_rng(1).normal(0, 3, SHAPE).astype(np.float32)
    assert np.array_equal(answer(after, picture), answer(before, picture))


def test_product_vanishes_behind_cheap_convolution() -> None:
    """Also for slopes above one, where another convolution follows."""
    assert operators(in_fewer_steps(network(LAYERS)))["Mul"] == 0
    long = in_fewer_steps(network([("long", True, [0.1, 0.2, 0.3, 0.4])]))
    assert operators(long) == {"Conv": 1, "Mul": 2, "Relu": 1, "Add": 1, "Identity": 1}


def test_fast_caches_get_no_double_work() -> None:
    assert operators(in_fewer_steps(network(LAYERS), "GenuineIntel"))["Conv"] == 4
    assert operators(in_fewer_steps(network(LAYERS), "AuthenticAMD"))["Conv"] == 2
    assert operators(in_fewer_steps(network(LAYERS), "AuthenticAMD", (1, 24)))["Conv"] == 4


@pytest.mark.parametrize("asked", ["layer0_conv", "layer0_norm", "layer0_bent_positive", "layer0_bent"])
def test_graph_answers_stay_the_same(asked: str) -> None:
    before = network(LAYERS, asked=asked)
    picture = np.random.default_rng(2).normal(0, 3, SHAPE).astype(np.float32)
    assert np.allclose(answer(in_fewer_steps(before), picture), answer(before, picture), 1e-5, 1e-5)


def test_other_graphs_stay_unchanged() -> None:
    graph = GraphBuilder("plain")
    graph.add("Relu", ["in"], "out")
    plain = graph.finished(("in", SHAPE), [("out", SHAPE)])
    assert in_fewer_steps(plain) == plain
    model = onnx.load_from_string(network([("depthwise", False, [0.1, 0.2, 0.3, 0.4])]))
    branch = helper.make_graph(
        [helper.make_node("Identity", ["layer0_conv"], ["seen"])],
        "branch",
        [],
        [helper.make_tensor_value_info("seen", TensorProto.FLOAT, SHAPE)],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(
        helper.make_node("If", ["yes"], ["chosen"], then_branch=branch, else_branch=branch)
    )
    branching = model.SerializeToString()
    assert in_fewer_steps(branching) == branching


def test_cpu_session_runs_fewer_steps() -> None:
    graph = network([("depthwise", True, [0.1, 0.2, 0.3, 0.4])])
    session = OrtSession(graph, "bent", ONE_THREAD, [SHAPE])
    picture = np.random.default_rng(3).normal(0, 3, SHAPE).astype(np.float32)
    assert np.allclose(session.run(picture)["out"], answer(graph, picture), rtol=1e-4, atol=1e-4)
    assert session.nodes <= len(onnx.load_from_string(in_fewer_steps(graph, vendor())).graph.node)


PADDED = (2, 6, 6, 5)


def padded(pads: list[int], shape: tuple[int, ...], *extra: str) -> bytes:
    """A picture bent, padded and bent again."""
    graph = GraphBuilder("padded")
    graph.weight("one", np.array(1, np.float32))
    slope = graph.weight("slope", np.full((1, 1, 1), 0.25, np.float32))
    bent = graph.prelu("in", slope, "bent")
    wider = graph.add("Pad", [bent, graph.weight("pads", np.array(pads, np.int64)), *extra], "padded")
    graph.prelu(wider, slope, "out")
    return graph.finished(("in", SHAPE), [("out", shape)])


@pytest.mark.parametrize(
    ("pads", "shape", "extra", "left"),
    [
        ([0, 0, 0, 0, 0, 2, 0, 0], PADDED, (), 0),
        ([0, 0, 0, 0, 0, 0, 0, 0], SHAPE, (), 0),
        ([0, 0, 1, 0, 0, 2, 0, 0], (2, 6, 7, 5), (), 1),
        ([0, 2, 0, 0, 0, 0, 0, 0], PADDED, (), 1),
        ([0, 0, 0, 0, 0, -1, 0, 0], (2, 3, 6, 5), (), 1),
        ([0, 0, 0, 0, 0, 2, 0, 0], PADDED, ("one",), 1),
    ],
    ids=["planes", "nothing", "rows, too", "planes before", "a plane cut off", "planes of ones"],
)
def test_planes_of_zeros_are_added_without_padding(
    pads: list[int], shape: tuple[int, ...], extra: tuple[str, ...], left: int
) -> None:
    before = padded(pads, shape, *extra)
    after = in_fewer_steps(before)
    assert (operators(before)["Pad"], operators(after)["Pad"]) == (1, left)
    onnx.checker.check_model(onnx.load_from_string(after), full_check=True)
    if min(pads) < 0:
        return  # the reference cuts nothing off
    picture = np.random.default_rng(0).normal(0, 3, SHAPE).astype(np.float32)
    assert np.array_equal(answer(after, picture), answer(before, picture))
