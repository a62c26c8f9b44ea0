"""What one run of an ONNX graph takes, whatever runs it: floating-point operations, and bytes moved.

Counted from the graph and the shape of its input. A multiplication and an addition are two operations. Each
node reads its inputs and its weights once and writes its outputs once: a runtime that fuses nodes moves less.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import helper

from benchmarks.errors import BenchmarkError

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    operator: str
    inputs: tuple[Shape, ...]
    """Of an input that is left out: ()."""
    output: Shape
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    products_flop: int
    """In convolutions and matrix products, without their biases."""
    flop: int
    """In everything that is counted."""
    weights_bytes: int
    """Every weight once."""
    moved_bytes: int
    """Read and written by all nodes, weights included."""
    by_operator: Mapping[str, int]
    """Operations of each kind of node, the most first."""
    not_counted: Mapping[str, int]
    """Nodes of a kind whose operations nobody here can count: `flop` is at least so much."""


def _convolution(node: Node) -> int:
    """The weights are [out, in / groups, height, width], so groups are in them already."""
    return 2 * math.prod(node.output) * math.prod(node.inputs[1][1:])


def _matrix_product(node: Node) -> int:
    return 2 * math.prod(node.output) * node.inputs[0][-1]


def _general_product(node: Node) -> int:
    inner = node.inputs[0][0 if node.attributes.get("transA") else 1]
    return 2 * math.prod(node.output) * inner


def _pooled(node: Node) -> int:
    kernel: Shape = tuple(node.attributes["kernel_shape"])
    return math.prod(node.output) * math.prod(kernel)


def _each(operations: int) -> Callable[[Node], int]:
    return lambda node: operations * math.prod(node.output)


VIEWS = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
"""The same numbers under another shape: nothing is moved."""
PRODUCTS: Mapping[str, Callable[[Node], int]] = {
    "Conv": _convolution,
    "Gemm": _general_product,
    "MatMul": _matrix_product,
}
BIAS_AT = {"Conv": 2, "Gemm": 2}
"""Which input is added to each element of the output."""
OTHERS: Mapping[str, Callable[[Node], int]] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Neg", "Abs", "Relu", "LeakyRelu", "Clip"), _each(1)),
    # However many a library takes for an exponential, it is one function of one number
    **dict.fromkeys(("Sigmoid", "Tanh", "Exp", "Sqrt"), _each(1)),
    **dict.fromkeys(("PRelu", "BatchNormalization", "QuantizeLinear", "DequantizeLinear"), _each(2)),
    **dict.fromkeys(("MaxPool", "AveragePool"), _pooled),
    **dict.fromkeys(
        ("GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum"),
        lambda node: math.prod(node.inputs[0]),
    ),
    **dict.fromkeys(("Transpose", "Pad", "Concat", "Cast", "Slice", *VIEWS), _each(0)),
}


def count(graph: bytes, name: str, shape: Sequence[int]) -> Work:
    """The work of one run on an input of this shape; BenchmarkError where the graph does not say its own."""
    model = _with_shape(onnx.load_from_string(graph), name, shape)
    tensors = _tensors(model, name)
    products, flop, moved = 0, Counter[str](), 0
    not_counted = Counter[str]()
    for proto in model.graph.node:
        node = _node(proto, tensors, name)
        counted = _operations(node)
        if counted is None:
            not_counted[node.operator] += 1
        else:
            products += counted[0]
            flop[node.operator] += sum(counted)
        if node.operator not in VIEWS:
            moved += sum(tensors[one].bytes for one in (*proto.input, *proto.output) if one)
    weights = sum(tensors[one.name].bytes for one in model.graph.initializer)
    by_operator = {operator: number for operator, number in flop.most_common() if number}
    return Work(products, flop.total(), weights, moved, by_operator, dict(sorted(not_counted.items())))


@dataclass(frozen=True, slots=True)
class _Tensor:
    shape: Shape
    bytes: int


def _operations(node: Node) -> tuple[int, int] | None:
    """In products, and beside them; None for a node of a kind that is not known."""
    if node.operator in PRODUCTS:
        return PRODUCTS[node.operator](node), _bias(node)
    if node.operator == "Resize":
        return _resized(node)
    return (0, OTHERS[node.operator](node)) if node.operator in OTHERS else None


def _bias(node: Node) -> int:
    at = BIAS_AT.get(node.operator)
    has_one = at is not None and len(node.inputs) > at and node.inputs[at]
    return math.prod(node.output) if has_one else 0


def _resized(node: Node) -> tuple[int, int] | None:
    """Nearest copies; linear weighs four neighbours in the plane."""
    mode = node.attributes.get("mode", b"nearest")
    by_mode = {b"nearest": 0, b"linear": 8}
    return (0, by_mode[mode] * math.prod(node.output)) if mode in by_mode else None


def _with_shape(model: onnx.ModelProto, name: str, shape: Sequence[int]) -> onnx.ModelProto:
    weights = {one.name for one in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise BenchmarkError(f"{name}: expected a graph with one input, found {[one.name for one in inputs]}")
    kind = inputs[0].type.tensor_type
    if len(kind.shape.dim) != len(shape):
        raise BenchmarkError(f"{name}: its input has {len(kind.shape.dim)} axes, not {len(shape)}")
    for dimension, size in zip(kind.shape.dim, shape, strict=True):
        dimension.dim_value = size
    for output in model.graph.output:  # named axes of outputs would stand in the way of what is inferred
        output.type.tensor_type.ClearField("shape")
    try:
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise BenchmarkError(f"{name} does not fit an input of {tuple(shape)}: {error}") from error


def _tensors(model: onnx.ModelProto, name: str) -> dict[str, _Tensor]:
    """By name: weights, and every value with the shape that it has in this run."""
    found = {one.name: _tensor(tuple(one.dims), one.data_type) for one in model.graph.initializer}
    graph = model.graph
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.name not in found and (shape := _known_shape(value)) is not None:
            found[value.name] = _tensor(shape, value.type.tensor_type.elem_type)
    for node in graph.node:
        for missing in (one for one in node.output if one and one not in found):
            raise BenchmarkError(
                f"{name}: {node.op_type} gives {missing!r}, whose shape does not follow from the input"
            )
    return found


def _known_shape(value: onnx.ValueInfoProto) -> Shape | None:
    sizes = value.type.tensor_type.shape.dim
    has_all = value.type.tensor_type.HasField("shape") and all(one.HasField("dim_value") for one in sizes)
    return tuple(one.dim_value for one in sizes) if has_all else None


def _tensor(shape: Shape, kind: int) -> _Tensor:
    return _Tensor(shape, math.prod(shape) * helper.tensor_dtype_to_np_dtype(kind).itemsize)


def _node(proto: onnx.NodeProto, tensors: Mapping[str, _Tensor], name: str) -> Node:
    unknown = [one for one in proto.input if one and one not in tensors]
    if unknown:
        raise BenchmarkError(f"{name}: {proto.op_type} takes {unknown[0]!r}, which no node gives")
    inputs = tuple(tensors[one].shape if one else () for one in proto.input)
    attributes = {one.name: helper.get_attribute_value(one) for one in proto.attribute}
    operator = proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}.{proto.op_type}"
    return Node(operator, inputs, tensors[proto.output[0]].shape, attributes)
