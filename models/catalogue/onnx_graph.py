"""Plain fp32 ONNX graphs put together node by node.

The same nodes give the same bytes on every machine, so that the catalogue can name the result's hash.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.utils import Extractor

from models.errors import CatalogueError

Tensors = dict[str, NDArray[np.generic]]
Shape = Sequence[int | str]
"""Sizes; a name stands for an axis that may vary."""

IR_VERSION = 10
OPSET = 21


class GraphBuilder:
    """A graph that grows: each step takes names of values and gives the name of its result."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._weights: Tensors = {}

    def weight(self, name: str, values: NDArray[np.generic]) -> str:
        self._weights[name] = values
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def prelu(self, x: str, slope: str, output: str) -> str:
        self._nodes.extend(prelu_nodes(x, slope, output, self._weights))
        return output

    def finished(self, image: tuple[str, Shape], outputs: Iterable[tuple[str, Shape]]) -> bytes:
        """The checked graph's bytes, with one input and these outputs, all float32."""
        return to_bytes(
            self._name, self._nodes, [_value(*image)], [_value(*output) for output in outputs], self._weights
        )


def answering(graph: bytes, outputs: Sequence[str]) -> bytes:
    """The part of a graph that these outputs need, as it was; CatalogueError where one of them is missing."""
    model = onnx.load_from_string(graph)
    if missing := set(outputs) - {value.name for value in model.graph.output}:
        raise CatalogueError(f"the graph does not answer with {', '.join(sorted(missing))}")
    inputs = [value.name for value in model.graph.input]
    part: bytes = Extractor(model).extract_model(inputs, list(outputs)).SerializeToString()
    return part


def free_sides(graph: bytes, shape: Sequence[int]) -> dict[str, int]:
    """The sides that the graph's first input leaves open, by their names, as this shape has them."""
    sides = onnx.load_from_string(graph).graph.input[0].type.tensor_type.shape.dim
    return {side.dim_param: size for side, size in zip(sides, shape, strict=False) if side.dim_param}


def to_bytes(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Tensors,
) -> bytes:
    """The model with those weights that a node uses, checked by onnx, as bytes that never vary."""
    used = {wanted for node in nodes for wanted in node.input}
    constants = [numpy_helper.from_array(weights[key], key) for key in sorted(used & weights.keys())]
    model = helper.make_model(
        helper.make_graph(nodes, name, inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="passenger-lane",
    )
    onnx.checker.check_model(model, full_check=True)
    plain: bytes = model.SerializeToString(deterministic=True)
    return plain


def prelu_nodes(x: str, slope: str, output: str, weights: Tensors) -> list[onnx.NodeProto]:
    """PReLU as s*x + (1 - s)*relu(x): the same function for every slope, in kernels that are fast.

    max(x, s*x) would be shorter and wrong: a matcher's slopes run from -0.81 to 1.12.
    """
    rest = f"{slope}_rest"
    weights[rest] = np.float32(1) - weights[slope].astype(np.float32)
    return [
        helper.make_node("Relu", [x], [f"{output}_positive"], f"{output}_relu"),
        helper.make_node("Mul", [f"{output}_positive", rest], [f"{output}_bent"], f"{output}_bend"),
        helper.make_node("Mul", [x, slope], [f"{output}_straight"], f"{output}_scale"),
        helper.make_node("Add", [f"{output}_straight", f"{output}_bent"], [output], f"{output}_add"),
    ]


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
