"""A graph in fewer steps, for a runtime that joins a convolution with ReLU or an addition, not with PReLU.

`onnx_graph.prelu_nodes` walks over a picture three times: ReLU, two products and a sum.
s*x + relu((1 - s)*x) is the same function for s <= 1 and takes two walks. Where x comes from a cheap
convolution, that is done twice on most processors, with s and with 1 - s in its weights, and no further walk
is left. Done as a graph is loaded, like what the runtime itself joins then: the file stays what was checked,
and answers move by rounding alone.

A runtime that keeps pictures in blocks of planes takes a picture out of its blocks for each padding, and what
follows stays outside of them. Planes of zeros are therefore added by a convolution by ones and zeros, which
gives the same numbers and needs no way out.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models.catalogue.onnx_graph import Tensors, prelu_nodes

CHEAP = 32
"""Products for each number: so short a convolution is done again sooner than its answer is read again."""
NEVER_TWICE = ("AuthenticAMD",)
"""By whom the processors are on which that is not so (`models.runtime.machine.vendor`): on an EPYC of the
fourth generation, whose caches feed a core as fast as it multiplies, SFace takes 0.96 of the time without."""
SINCE = 1, 32
"""By which release of the runtime: one of 1.24 walks more, and took 1.09 of the time."""

Node = onnx.NodeProto
Uses = Counter[str]
"""How often each value is read; what the graph answers with is read once more."""
Factors = NDArray[np.float64]
"""One for each channel."""


def in_fewer_steps(graph: bytes, vendor: str = "", release: tuple[int, int] = SINCE) -> bytes:
    """The same network, for a processor of this vendor and a release of the runtime.

    Byte for byte where it has no PReLU, or branches, whose values are not seen here.
    """
    model = onnx.load_from_string(graph)
    outputs = [value.name for value in model.graph.output]
    weights: Tensors = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    known = set(weights)
    nodes = _with_prelu(model.graph.node, outputs, weights)
    if _has_branches(nodes) or not any(_is_prelu(node, weights) for node in nodes):
        return graph
    planes = _planes(model)
    nodes = [_convolved(one, planes, weights) if _adds_planes(one, planes, weights) else one for one in nodes]
    cheap = 0 if vendor in NEVER_TWICE and release >= SINCE else CHEAP
    nodes = _without_prelu(nodes, _uses(nodes, outputs), weights, cheap)
    used = {name for node in nodes for name in node.input}
    kept = [one for one in model.graph.initializer if one.name in used]
    made = [numpy_helper.from_array(weights[name], name) for name in sorted(used & weights.keys() - known)]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend([*kept, *made])
    quicker: bytes = model.SerializeToString()
    return quicker


def _uses(nodes: Iterable[Node], outputs: Iterable[str]) -> Uses:
    return Counter([*outputs, *(name for node in nodes for name in node.input)])


def _has_branches(nodes: Iterable[Node]) -> bool:
    kinds = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    return any(part.type in kinds for node in nodes for part in node.attribute)


def _is_prelu(node: Node, weights: Tensors) -> bool:
    slope = weights.get(node.input[1]) if node.op_type == "PRelu" else None
    return slope is not None and slope.dtype == np.float32 and slope.ndim == 3  # C×1×1


def _with_prelu(nodes: Sequence[Node], outputs: Iterable[str], weights: Tensors) -> list[Node]:
    """What `onnx_graph.prelu_nodes` took apart, put together again."""
    makers = {name: node for node in nodes for name in node.output}
    uses = _uses(nodes, outputs)
    whole: dict[str, Node] = {}
    inside: set[str] = set()
    for node in nodes:
        steps = _taken_apart(node, makers, weights)
        parts = [step.output[0] for step in steps[:-1]]
        if steps and all(uses[part] == 1 for part in parts):
            scale = makers[f"{node.output[0]}_straight"]
            whole[node.output[0]] = helper.make_node("PRelu", scale.input, node.output, node.name)
            inside.update(parts)
    return [whole.get(node.output[0], node) for node in nodes if node.output[0] not in inside]


def _taken_apart(last: Node, makers: dict[str, Node], weights: Tensors) -> list[Node]:
    """The four nodes of a PReLU of which this is the last; none where it is not exactly that."""
    out = last.output[0]
    scale = makers.get(f"{out}_straight")
    if scale is None or len(scale.input) != 2 or scale.input[1] not in weights:
        return []
    made: Tensors = {scale.input[1]: weights[scale.input[1]]}
    steps = prelu_nodes(scale.input[0], scale.input[1], out, made)
    if any(makers.get(step.output[0]) != step for step in steps):
        return []
    same = all(name in weights and np.array_equal(weights[name], values) for name, values in made.items())
    return steps if same else []


def _without_prelu(nodes: list[Node], uses: Uses, weights: Tensors, short: int) -> list[Node]:
    """Convolutions of up to so many products for each number are done twice."""
    nodes = _turned(_without_norms(nodes, uses, weights), uses, weights)
    alone = [node for node in nodes if _is_conv(node, weights) and uses[node.output[0]] == 1]
    cheap = {conv.output[0]: conv for conv in alone if weights[conv.input[1]][0].size <= short}
    done: dict[str, Node] = {}
    for node in nodes:
        steps: Iterable[Node] = [node]
        if _is_prelu(node, weights):
            x, slope = node.input
            if weights[slope].max() > 1:
                steps = prelu_nodes(x, slope, node.output[0], weights)
            elif conv := cheap.get(x):
                del done[x]
                steps = _bent(node, partial(_scaled, conv), weights)
            else:
                steps = _bent(node, partial(_multiplied, x), weights)
        done |= {step.output[0]: step for step in steps}
    return list(done.values())


def _bent(node: Node, scaled: Callable[[Factors, str, Tensors], Node], weights: Tensors) -> Iterator[Node]:
    """s*x + relu((1 - s)*x), for s <= 1; `scaled` gives x times its factors."""
    slope, out = weights[node.input[1]].astype(np.float64), node.output[0]
    yield scaled(1 - slope, f"{out}_rest", weights)
    yield helper.make_node("Relu", [f"{out}_rest"], [f"{out}_bent"], f"{out}_relu")
    yield scaled(slope, f"{out}_straight", weights)
    yield helper.make_node("Add", [f"{out}_straight", f"{out}_bent"], [out], f"{out}_add")


def _multiplied(x: str, factors: Factors, output: str, weights: Tensors) -> Node:
    weights[f"{output}_factors"] = factors.astype(np.float32)
    return helper.make_node("Mul", [x, f"{output}_factors"], [output], output)


def _is_conv(node: Node, weights: Tensors) -> bool:
    constant = node.op_type == "Conv" and all(name in weights for name in node.input[1:])
    return constant and weights[node.input[1]].dtype == np.float32


def _scaled(conv: Node, factors: Factors, output: str, weights: Tensors) -> Node:
    """The convolution whose answer is the old one's times `factors`."""
    kernel, bias = _weights(conv, weights)
    factors = factors.ravel()
    return _with(conv, kernel * factors[:, None, None, None], bias * factors, output, weights)


def _weights(conv: Node, weights: Tensors) -> tuple[Factors, Factors]:
    kernel, *bias = (weights[name].astype(np.float64) for name in conv.input[1:])
    return kernel, bias[0] if bias else np.zeros(len(kernel))


def _with(conv: Node, kernel: Factors, bias: Factors, output: str, weights: Tensors) -> Node:
    names = f"{output}_kernel", f"{output}_bias"
    weights.update(zip(names, (kernel.astype(np.float32), bias.astype(np.float32)), strict=True))
    return helper.make_node("Conv", [conv.input[0], *names], [output], output, **_attributes(conv))


def _attributes(node: Node) -> dict[str, Any]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def _without_norms(nodes: Sequence[Node], uses: Uses, weights: Tensors) -> list[Node]:
    """Each batch norm that alone reads a convolution goes into its weights."""
    done: dict[str, Node] = {}
    for node in nodes:
        conv = done.get(node.input[0]) if _is_norm(node, weights) else None
        if conv is None or not _is_conv(conv, weights) or uses[node.input[0]] > 1:
            done[node.output[0]] = node
            continue
        gain, offset, mean, variance = (weights[name].astype(np.float64) for name in node.input[1:])
        factors = gain / np.sqrt(variance + _attributes(node).get("epsilon", 1e-5))
        kernel, bias = _weights(conv, weights)
        kernel, bias = kernel * factors[:, None, None, None], (bias - mean) * factors + offset
        del done[node.input[0]]
        done[node.output[0]] = _with(conv, kernel, bias, node.output[0], weights)
    return list(done.values())


def _is_norm(node: Node, weights: Tensors) -> bool:
    constant = node.op_type == "BatchNormalization" and all(name in weights for name in node.input[1:])
    return constant and len(node.output) == 1 and not _attributes(node).get("training_mode", 0)


def _turned(nodes: list[Node], uses: Uses, weights: Tensors) -> list[Node]:
    """Channels with a slope above 1 turned round where a convolution comes before and after: 1/s is below.

    prelu(x, s) = -s * prelu(-x, 1/s) for s > 0: the sign goes into the one before, -s into the one after.
    """
    done = {node.output[0]: node for node in nodes}
    readers = {node.input[0]: node.output[0] for node in nodes if _is_conv(node, weights)}
    for node in nodes:
        if not (_is_prelu(node, weights) and node.input[0] in done and node.output[0] in readers):
            continue
        x, out = node.input[0], node.output[0]
        slope = weights[node.input[1]].astype(np.float64)
        steep = slope > 1
        if not (steep.any() and uses[x] == uses[out] == 1 and _is_conv(done[x], weights)):
            continue
        done[x] = _scaled(done[x], np.where(steep, -1.0, 1.0), x, weights)
        weights[f"{out}_slope"] = np.where(steep, 1 / np.maximum(slope, 1), slope).astype(np.float32)
        done[out] = helper.make_node("PRelu", [x, f"{out}_slope"], [out], node.name)
        reader = readers[out]
        done[reader] = _fed(done[reader], np.where(steep, -slope, 1.0), weights)
    return list(done.values())


def _fed(conv: Node, factors: Factors, weights: Tensors) -> Node:
    """The convolution that answers to an input as the old one to that input times `factors`."""
    kernel, bias = _weights(conv, weights)
    groups = _attributes(conv).get("group", 1)
    # A group reads channels that lie side by side, and each of its kernels reads all of them.
    by_group = kernel.reshape(groups, -1, *kernel.shape[1:]) * factors.reshape(groups, 1, -1, 1, 1)
    return _with(conv, by_group.reshape(kernel.shape), bias, conv.output[0], weights)


def _planes(model: onnx.ModelProto) -> Mapping[str, int]:
    """How many planes each picture of the graph has, as far as that is known."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {one.name: one.type.tensor_type.shape.dim for one in (*inferred.value_info, *inferred.input)}
    return {name: shape[1].dim_value for name, shape in shapes.items() if len(shape) == 4}


def _adds_planes(node: Node, planes: Mapping[str, int], weights: Tensors) -> bool:
    """Whether it is a padding that adds planes of zeros after a picture's own, and nothing else."""
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
