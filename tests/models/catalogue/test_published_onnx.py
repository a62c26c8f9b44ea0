"""Rewritten graphs give the answers that they gave before."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.catalogue.published_onnx import to_plain_fp32, without_prelu
from models.errors import CatalogueError
from models.runtime.onnx_runtime import OrtSession
from tests.models.conftest import ONE_THREAD

SHAPE = (1, 3, 8, 9)


def network(*, constant: bool = True, opset: int = 11) -> bytes:
    """PReLU with slopes as they occur, below 0 and above 1, in the opset of older files."""
    slopes = numpy_helper.from_array(np.array([-0.81, 0.25, 1.12], np.float32).reshape(3, 1, 1), "slopes")
    nodes = [helper.make_node("PRelu", ["in", "slopes" if constant else "given"], ["out"])]
    if not constant:
        nodes.insert(0, helper.make_node("Abs", ["slopes"], ["given"]))
    picture, answer = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in ("in", "out")
    )
    graph = helper.make_graph(nodes, "bent", [picture], [answer], [slopes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize("opset", [9, 11, 21])
def test_rewritten_prelu_is_same_function(opset: int) -> None:
    published = network(opset=opset)
    rewritten = without_prelu(published, "bent")
    picture = np.random.default_rng(0).normal(0, 3, SHAPE).astype(np.float32)
    before, after = (
        OrtSession(data, "bent", ONE_THREAD, [SHAPE]).run(picture) for data in (published, rewritten)
    )
    assert np.allclose(before["out"], after["out"], rtol=1e-6, atol=1e-6)
    model = onnx.load_from_string(rewritten)
    assert "PRelu" not in {node.op_type for node in model.graph.node}
    assert model.opset_import[0].version == opset
    computed = network(constant=False, opset=opset)
    assert without_prelu(computed, "bent") == computed, "slopes that are no constants stay"


def outside(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """The same tensor, with its numbers in a file beside the model."""
    moved = onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
    moved.data_location = onnx.TensorProto.EXTERNAL
    moved.external_data.add(key="location", value="weights.bin")
    return moved


@pytest.mark.parametrize("where", ["weights", "constant", "subgraph"])
def test_graph_with_external_weights_is_refused(where: str) -> None:
    """The runtime would read them from the folder it is started in, and no hash would cover them."""
    model = onnx.load_from_string(network())
    weights = outside(model.graph.initializer[0])
    if where == "weights":
        model.graph.initializer[0].CopyFrom(weights)
    else:
        inner = helper.make_node("Constant", [], ["c"], value=weights)
        if where == "subgraph":
            body = helper.make_graph([inner], "body", [], [])
            inner = helper.make_node("If", ["in"], ["c"], then_branch=body, else_branch=body)
        model.graph.node.append(inner)
    for rewrite in (without_prelu, lambda data, name: to_plain_fp32(data, name, (0,))):
        with pytest.raises(CatalogueError, match=r"bent: .* lie in another file, such as 'slopes'"):
            rewrite(model.SerializeToString(), "bent")
