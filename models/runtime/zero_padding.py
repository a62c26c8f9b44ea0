"""Planes of zeros added by a convolution, for a runtime that keeps pictures in blocks of planes.

Such a runtime takes a picture out of its blocks for each padding, and what follows stays outside of them. A
convolution by ones and zeros gives the same numbers and needs no way out.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from models.convert.onnx_graph import Tensors

Node = onnx.NodeProto


def planes(model: onnx.ModelProto) -> Mapping[str, int]:
    """How many planes each picture of the graph has, as far as that is known."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {one.name: one.type.tensor_type.shape.dim for one in (*inferred.value_info, *inferred.input)}
    return {name: shape[1].dim_value for name, shape in shapes.items() if len(shape) == 4}


def added_by_convolution(nodes: Sequence[Node], planes: Mapping[str, int], weights: Tensors) -> list[Node]:
    """The same nodes, but for paddings that add planes of zeros after a picture's own and nothing else."""
    return [
        _convolved(node, planes, weights) if _adds_planes(node, planes, weights) else node for node in nodes
    ]


def _adds_planes(node: Node, planes: Mapping[str, int], weights: Tensors) -> bool:
    if node.op_type != "Pad" or len(node.input) != 2 or node.attribute or not planes.get(node.input[0]):
        return False
    pads = weights.get(node.input[1])
    # Before and after, of batch, planes, rows and columns; a negative one cuts off.
    return pads is not None and pads.size == 8 and pads[5] >= 0 and not np.delete(pads, 5).any()


def _convolved(node: Node, planes: Mapping[str, int], weights: Tensors) -> Node:
    (picture, pads), out = node.input, node.output[0]
    own = planes[picture]
    kernel = np.eye(own + int(weights[pads][5]), own, dtype=np.float32)
    weights[f"{out}_kernel"] = kernel[:, :, None, None]
    return helper.make_node("Conv", [picture, f"{out}_kernel"], [out], node.name)
