"""Operations and bytes of a graph, against graphs counted by hand and networks that others have counted."""

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.limits.operation_count import count
from models.catalogue import catalogue, weights
from models.catalogue.onnx_graph import GraphBuilder

Sizes = Sequence[int | str]
CHANNELS, PLANE = (1, 4, 8, 8), (1, 2, 4, 4)


def ones(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ones(shape, np.float32)


def one_node(operator: str, into: Sizes, out: Sizes, *constants: object, **attributes: object) -> bytes:
    builder = GraphBuilder("one")
    names = [
        "" if value is None else builder.weight(f"w{place}", np.asarray(value))
        for place, value in enumerate(constants)
    ]
    builder.add(operator, ["x", *names], "y", **attributes)
    return builder.finished(("x", into), [("y", out)])


def resize(mode: str) -> bytes:
    scales = np.array([1, 1, 2, 2], np.float32)
    return one_node("Resize", (1, 1, 4, 4), (1, 1, 8, 8), None, scales, mode=mode)


def test_convolution_takes_two_operations_per_weight() -> None:
    graph = one_node("Conv", (1, 3, 8, 8), (1, 4, 8, 8), ones(4, 3, 3, 3), ones(4), pads=[1, 1, 1, 1])
    work = count(graph, "one", (1, 3, 8, 8))
    assert work.products_flop == 2 * (4 * 8 * 8) * (3 * 3 * 3)
    assert work.flop == work.products_flop + 4 * 8 * 8  # the bias
    assert work.weights_bytes == 4 * (4 * 3 * 3 * 3 + 4)
    assert work.moved_bytes == work.weights_bytes + 4 * (3 * 8 * 8 + 4 * 8 * 8)


@pytest.mark.parametrize(
    ("operator", "into", "out", "constants", "attributes", "products", "others"),
    [
        # A group sees its own channels alone
        ("Conv", CHANNELS, (1, 4, 3, 3), [ones(4, 1, 3, 3)], {"group": 4, "strides": [2, 2]}, 2 * 36 * 9, 0),
        ("Conv", CHANNELS, (1, 6, 8, 8), [ones(6, 2, 1, 1)], {"group": 2}, 2 * (6 * 8 * 8) * 2, 0),
        ("MatMul", (5, 7), (5, 3), [ones(7, 3)], {}, 2 * 5 * 7 * 3, 0),
        ("Gemm", (5, 7), (5, 3), [ones(3, 7), ones(3)], {"transB": 1}, 2 * 5 * 7 * 3, 5 * 3),
        ("Gemm", (7, 5), (5, 3), [ones(7, 3)], {"transA": 1}, 2 * 5 * 7 * 3, 0),
        ("Relu", PLANE, PLANE, [], {}, 0, 32),
        ("PRelu", PLANE, PLANE, [ones(2, 1, 1)], {}, 0, 64),
        ("Add", PLANE, PLANE, [ones(2, 1, 1)], {}, 0, 32),
        ("MaxPool", PLANE, (1, 2, 2, 2), [], {"kernel_shape": [2, 2], "strides": [2, 2]}, 0, 32),
        ("GlobalAveragePool", PLANE, (1, 2, 1, 1), [], {}, 0, 32),
        ("BatchNormalization", PLANE, PLANE, [ones(2)] * 4, {}, 0, 64),
        ("Transpose", PLANE, (1, 4, 4, 2), [], {"perm": [0, 2, 3, 1]}, 0, 0),
    ],
)
def test_each_node_is_counted_by_term_or_element(
    operator: str,
    into: Sizes,
    out: Sizes,
    constants: list[object],
    attributes: dict[str, object],
    products: int,
    others: int,
) -> None:
    graph = one_node(operator, into, out, *constants, **attributes)
    work = count(graph, "one", [int(size) for size in into])
    assert (work.products_flop, work.flop, work.not_counted) == (products, products + others, {})


def test_reshape_moves_nothing_and_resize_copies_or_uses_four_neighbours() -> None:
    assert count(one_node("Flatten", PLANE, (1, 32)), "one", PLANE).moved_bytes == 0
    turned = one_node("Transpose", PLANE, (1, 4, 4, 2), perm=[0, 2, 3, 1])
    assert count(turned, "one", PLANE).moved_bytes == 2 * 32 * 4
    for mode, each in (("nearest", 0), ("linear", 8)):
        assert count(resize(mode), "one", (1, 1, 4, 4)).flop == each * 64


def test_uncountable_node_named_never_zero() -> None:
    builder = GraphBuilder("two")
    builder.add("Relu", ["x"], "positive")
    builder.add("Erf", ["positive"], "y")
    work = count(builder.finished(("x", (2, 3)), [("y", (2, 3))]), "two", (2, 3))
    assert work.not_counted == {"Erf": 1}
    assert work.by_operator == {"Relu": 6}
    assert count(resize("cubic"), "one", (1, 1, 4, 4)).not_counted == {"Resize": 1}


def test_unfitting_graph_says_so() -> None:
    graph = one_node("Relu", ("n", 3), ("n", 3))
    assert count(graph, "one", (5, 3)).flop == 15
    with pytest.raises(BenchmarkError, match="2 axes, not 4"):
        count(graph, "one", (1, 3, 8, 8))
    with pytest.raises(BenchmarkError, match="does not fit"):
        count(one_node("MatMul", ("n", "k"), ("n", 3), ones(7, 3)), "one", (5, 8))


@pytest.mark.parametrize(
    ("name", "shape", "gflop"),
    [
        ("yunet-2023mar", (1, 3, 480, 640), 0.52),
        ("yunet-2023mar", (1, 3, 256, 320), 0.14),
        ("sface-2021dec", (1, 3, 112, 112), 1.15),
        ("dlib-resnet-29", (1, 3, 150, 150), 0.54),
    ],
)
def test_networks_match_known_operation_counts(name: str, shape: tuple[int, ...], gflop: float) -> None:
    spec = catalogue.load().named(name)
    if weights.state(spec, weights.cache_dir()) != "ready":
        pytest.skip(f"{name} is not prepared here")
    work = count(weights.load(spec, weights.cache_dir()), name, shape)
    assert round(work.products_flop / 1e9, 2) == gflop
    assert not work.not_counted
    assert work.products_flop < work.flop < 1.05 * work.products_flop


def test_batch_multiplies_work_not_weights() -> None:
    graph = one_node("Conv", ("n", 3, 8, 8), ("n", 4, 6, 6), ones(4, 3, 3, 3))
    one, eight = count(graph, "one", (1, 3, 8, 8)), count(graph, "one", (8, 3, 8, 8))
    assert eight.flop == 8 * one.flop
    assert eight.weights_bytes == one.weights_bytes
    assert eight.moved_bytes - eight.weights_bytes == 8 * (one.moved_bytes - one.weights_bytes)
