"""From ONNX files as published to plain fp32 graphs that ONNX Runtime runs.

The published files hold block-quantised weights, which ONNX Runtime loads but does not run, and PReLU
nodes, whose kernel takes half of the matcher's time. Only exact rewrites happen here: no weight is
retrained, rounded or fused.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models.catalogue.onnx_graph import Tensors, prelu_nodes, to_bytes
from models.errors import CatalogueError


def to_plain_fp32(source: bytes, name: str, free_axes: tuple[int, ...]) -> bytes:
    """`free_axes` are the axes of the one true input that may vary (0 batch, 2 height, 3 width)."""
    graph = _complete(source, name).graph
    tensors: Tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in _weight_names(tensors)]
    if len(inputs) != 1:
        raise CatalogueError(f"{name}: expected one input, found {[value.name for value in inputs]}")
    nodes = list(_plain_nodes(graph.node, tensors))
    _free_reshapes(nodes, tensors)
    return to_bytes(
        name,
        nodes,
        [_with_free_axes(inputs[0], free_axes)],
        [_with_free_axes(value, range(len(value.type.tensor_type.shape.dim) - 1)) for value in graph.output],
        tensors,
    )


def without_prelu(source: bytes, name: str) -> bytes:
    """A graph that runs as it is, with each PReLU of constant slopes in faster nodes; else byte for byte.

    Nothing but the nodes and their slopes changes, so any opset from 7 on stays what it is.
    """
    model = _complete(source, name)
    graph = model.graph
    slopes: Tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    if not any(_is_constant_prelu(node, slopes) for node in graph.node):
        return source
    known = set(slopes)
    nodes = list(_with_prelu_rewritten(graph.node, slopes))
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        numpy_helper.from_array(slopes[name], name) for name in sorted(slopes.keys() - known)
    )
    faster: bytes = model.SerializeToString(deterministic=True)
    return faster


def _complete(source: bytes, name: str) -> onnx.ModelProto:
    """The parsed model; CatalogueError if weights of it lie in another file, which no hash would cover."""
    model = onnx.load_from_string(source)
    outside = [one.name for one in _tensors(model) if one.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise CatalogueError(
            f"{name}: {len(outside)} of its tensors lie in another file, such as {outside[0]!r}: "
            "save the model as one file"
        )
    return model


def _tensors(message: Any) -> Iterator[onnx.TensorProto]:  # protobuf has no types
    """Every tensor anywhere in a model: weights, constants, those of subgraphs and functions."""
    for _, value in message.ListFields():
        for part in value if hasattr(value, "add") else (value,):  # several messages have `add`
            if isinstance(part, onnx.TensorProto):
                yield part
            elif hasattr(part, "ListFields"):
                yield from _tensors(part)


def _with_prelu_rewritten(nodes: Iterable[onnx.NodeProto], slopes: Tensors) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        if _is_constant_prelu(node, slopes):
            yield from prelu_nodes(node.input[0], node.input[1], node.output[0], slopes)
        else:
            yield node


def _is_constant_prelu(node: onnx.NodeProto, constants: Tensors) -> bool:
    slope = constants.get(node.input[1]) if node.op_type == "PRelu" else None
    return slope is not None and slope.dtype == np.float32


def _weight_names(tensors: Tensors) -> set[str]:
    """Names that are inputs on paper only: weights, and weights that quantisation left behind."""
    quantised = {name.removesuffix("_quantized") for name in tensors if name.endswith("_quantized")}
    return tensors.keys() | quantised


def _plain_nodes(nodes: Iterable[onnx.NodeProto], tensors: Tensors) -> Iterator[onnx.NodeProto]:
    """The nodes that are left once everything that depends on weights alone has been computed."""
    renamed: dict[str, str] = {}
    for node in nodes:
        inputs = [renamed.get(name, name) for name in node.input]
        if node.op_type == "DequantizeLinear":
            tensors[node.output[0]] = _dequantised(node, tensors)
        elif node.op_type == "Constant":
            tensors[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Reshape" and inputs[0] in tensors:
            tensors[node.output[0]] = tensors[inputs[0]].reshape(tensors[inputs[1]].astype(int))
        elif node.op_type == "Dropout":
            renamed[node.output[0]] = inputs[0]  # no randomness at inference
        elif node.op_type == "PRelu":
            yield from prelu_nodes(inputs[0], inputs[1], node.output[0], tensors)
        else:
            yield _renamed(node, inputs)


def _renamed(node: onnx.NodeProto, inputs: list[str]) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.input[:]
    copy.input.extend(inputs)
    return copy


def _dequantised(node: onnx.NodeProto, tensors: Tensors) -> NDArray[np.float32]:
    """(quantised - zero point) * scale, with one scale for each block of weights along one axis."""
    quantised, scale, zero = (tensors[name] for name in node.input)
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
    if scale.ndim and block:
        length = quantised.shape[axis]
        scale, zero = (np.repeat(t, block, axis).take(range(length), axis) for t in (scale, zero))
    difference = quantised.astype(np.int32) - zero.astype(np.int32)
    return difference.astype(np.float32) * scale.astype(np.float32)


def _free_reshapes(nodes: Iterable[onnx.NodeProto], tensors: Tensors) -> None:
    """Let the detector's [1, cells, C] reshapes follow the input's size."""
    for node in nodes:
        if node.op_type == "Reshape":
            tensors[node.input[1]] = np.array([0, -1, tensors[node.input[1]][-1]], np.int64)


def _with_free_axes(value: onnx.ValueInfoProto, free: Sequence[int]) -> onnx.ValueInfoProto:
    sizes = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    shape = [f"{value.name}_{axis}" if axis in free else size for axis, size in enumerate(sizes)]
    return helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, shape)
