import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from models.catalogue import catalogue
from models.catalogue.onnx_graph import GraphBuilder
from models.catalogue.spec import Role
from models.errors import InferenceError, ProviderError
from models.runtime import onnx_runtime, providers
from models.runtime.denormals import SUPPORTED, flushed
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings, available_providers
from models.runtime.providers import CPU, CUDA, IN_BF16, KNOWN, OPENVINO, Load, Provider, Shape
from models.runtime.session import Tensor
from tests.models.conftest import ONE_THREAD, prepared

SPECS = catalogue.load()
MATCHER = SPECS.for_role("matcher")
SHAPE = (1, 3, 112, 112)


def graph(*operators: str) -> bytes:
    """A graph that applies one-input operators to a 1×2 tensor."""
    builder, x = GraphBuilder("tiny"), "x"
    for index, kind in enumerate(operators):
        x = builder.add(kind, [x], f"after_{index}")
    return builder.finished(("x", (1, 2)), [(x, (1, 2))])


def tiny(
    *operators: str, settings: RuntimeSettings = ONE_THREAD, known: Mapping[str, Provider] = KNOWN
) -> OrtSession:
    return OrtSession(graph(*operators), "tiny", settings, [(1, 2)], known)


def small(*values: float) -> Tensor:
    return np.array([values], np.float32)


def test_cpu_policy_ignores_provider(caplog: pytest.LogCaptureFixture) -> None:
    session = tiny("Neg", settings=RuntimeSettings("cpu", CUDA, 1))
    (answer,) = session.run(small(1, -2)).values()
    assert answer.tolist() == [[-1, 2]]
    assert session.provider == CPU
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("tensor", "match"),
    [
        *((one, "not warmed up") for one in (small(1, 2, 3), small(1, 2).astype(np.float64), small(1, 2)[0])),
        *((small(1, bad), "input is not finite") for bad in (np.nan, np.inf, -np.inf)),
    ],
)
def test_unwarmed_or_non_finite_input_is_refused(tensor: Tensor, match: str) -> None:
    with pytest.raises(InferenceError, match=match):
        tiny("Neg").run(tensor)


@pytest.mark.parametrize(("shapes", "sides"), [(((3, 2),), [3, 2]), (((3, 2), (5, 2)), ["many", 2])])
def test_open_side_takes_only_listed_sizes(shapes: tuple[Shape, ...], sides: list[object]) -> None:
    """And a runtime is told the size where there is but one."""
    builder = GraphBuilder("open")
    builder.add("Neg", ["x"], "neg")
    open_sided = builder.finished(("x", ("many", 2)), [("neg", ("many", 2))])
    runtime, options = onnx_runtime._onnxruntime(), onnx_runtime._options(1)
    told = onnx_runtime._for_kernels_of(runtime, KNOWN[OPENVINO], open_sided, options, shapes)
    assert runtime.InferenceSession(told, options, [CPU]).get_inputs()[0].shape == sides
    session = OrtSession(open_sided, "open", ONE_THREAD, shapes)
    for shape in shapes:
        assert session.run(np.ones(shape, np.float32))["neg"].tolist() == [[-1, -1]] * shape[0]
    with pytest.raises(InferenceError, match="not warmed up"):
        session.run(np.ones((4, 2), np.float32))


@pytest.mark.parametrize("operators", [("Sqrt",), ("Neg", "Sqrt", "Abs")], ids=["one answer", "of several"])
def test_non_finite_answer_is_named(operators: tuple[str, ...]) -> None:
    builder = GraphBuilder("two")
    ends = [(builder.add(operator, ["x"], operator.lower()), (1, 2)) for operator in operators]
    session = OrtSession(builder.finished(("x", (1, 2)), ends), "two", ONE_THREAD, [(1, 2)])
    known = {"neg": [[-4, -9]], "sqrt": [[2, 3]], "abs": [[4, 9]]}
    found = {name: answer.tolist() for name, answer in session.run(small(4, 9)).items()}
    assert found == {operator.lower(): known[operator.lower()] for operator in operators}
    with pytest.raises(InferenceError, match="two: sqrt is not finite"):
        session.run(small(4, -9))
    with pytest.raises(InferenceError, match="not finite"):
        tiny("Log")  # log(0), at the warm-up


def test_loading_keeps_terminal_and_arithmetic() -> None:
    code = (
        "from pathlib import Path\nimport numpy as np\n"
        "from models.runtime.onnx_runtime import OrtSession, RuntimeSettings\n"
        f"data = Path({str(prepared(MATCHER))!r}).read_bytes()\n"
        f"OrtSession(data, 'matcher', RuntimeSettings(threads=1), [{SHAPE}])\n"
        "print(np.float32(1e-40) * np.float32(1) > 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("True\n", "")


@pytest.mark.parametrize(
    "wrong", [{"provider_policy": "always"}, {"threads": 0}, {"threads": -2}, {"bf16": "sometimes"}], ids=str
)
def test_senseless_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match="must be"):
        RuntimeSettings(**wrong)


BOUND = {CPU: Provider(CPU, "cpu", "cpu", memory="cpu")}
"""The CPU as a device of its own: its tensors are bound as a GPU's would be."""


@pytest.mark.parametrize("threads", [1, 2])
def test_bound_tensors_give_the_same_answers(threads: int) -> None:
    """And no later run writes over an answer."""
    data, settings = prepared(MATCHER).read_bytes(), RuntimeSettings(threads=threads)
    plain, bound = (OrtSession(data, "matcher", settings, [SHAPE], known) for known in (KNOWN, BOUND))
    tensors = [np.random.default_rng(seed).uniform(0, 255, SHAPE).astype(np.float32) for seed in range(3)]
    all_same(plain, tensors, [bound.run(tensor) for tensor in tensors])


def all_same(plain: OrtSession, tensors: list[Tensor], found: list[Mapping[str, Tensor]]) -> None:
    for tensor, answer in zip(tensors, found, strict=True):
        expected = plain.run(tensor)
        assert expected.keys() == answer.keys()
        assert all(np.array_equal(expected[name], answer[name]) for name in expected)


def test_bound_tensors_never_mix() -> None:
    data = prepared(SPECS.for_role("detector")).read_bytes()
    shapes = [(1, 3, 192, 320), (1, 3, 320, 320)]
    plain, bound = (OrtSession(data, "detector", ONE_THREAD, shapes, known) for known in (KNOWN, BOUND))
    tensors = [
        np.random.default_rng(seed).uniform(0, 255, shapes[seed % 2]).astype(np.float32) for seed in range(12)
    ]
    with ThreadPoolExecutor(max_workers=4) as pool:
        all_same(plain, tensors, list(pool.map(bound.run, tensors)))


def test_bound_view_is_read_as_is() -> None:
    wide = np.arange(4, dtype=np.float32)[None]
    (answer,) = tiny("Neg", known=BOUND).run(wide[:, ::2]).values()
    assert answer.tolist() == [[0, -2]]


@pytest.mark.parametrize(
    ("data", "settings", "known", "match"),
    [
        *((data, ONE_THREAD, KNOWN, "does not load") for data in (b"", b"not a graph", graph("Neg")[:-20])),
        (graph("Neg"), ONE_THREAD, {CPU: Provider(CPU, "cpu", "cpu", memory="cuda")}, "binds no tensors"),
        (graph("Neg"), RuntimeSettings("prefer", "gpu", 1), KNOWN, "no provider that is known"),
    ],
    ids=["empty", "no graph", "half a graph", "no such device", "no such provider"],
)
def test_what_does_not_load_is_a_provider_error(
    data: bytes, settings: RuntimeSettings, known: Mapping[str, Provider], match: str
) -> None:
    with pytest.raises(ProviderError, match=match):
        OrtSession(data, "tiny", settings, [(1, 2)], known)


@pytest.mark.parametrize("provider", [provider for provider in KNOWN if provider != CPU])
def test_required_provider_never_falls_back(provider: str) -> None:
    if provider in available_providers():
        pytest.skip(f"{provider} is here")
    with pytest.raises(ProviderError, match=f"{provider} is not available.*the extra.*requires {provider}"):
        tiny("Neg", settings=RuntimeSettings("require", provider, 1))


def test_empty_plugin_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a runtime to which the same plugin added twice is an error."""
    registered = []

    class Runtime:
        __version__ = "1.32.0"

        def get_available_providers(self) -> list[str]:
            return [CPU]

        def register_execution_provider_library(self, name: str, library: str) -> None:
            registered.append((name, library))
            assert len(registered) == 1, "EP library is already registered"

    plugin = ModuleType("a_plugin")
    plugin.__spec__ = ModuleSpec("a_plugin", None)
    plugin.get_library_path = lambda: "a.so"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_plugin", plugin)
    monkeypatch.setattr(onnx_runtime, "_onnxruntime", Runtime)
    monkeypatch.setattr(providers, "vendor", lambda: "AuthenticAMD")
    rows = [replace(table[OPENVINO], plugin="a_plugin") for table in (KNOWN, IN_BF16)]
    reasons = {onnx_runtime.why_unavailable(row) for row in (*rows, *rows)}
    assert registered == [(OPENVINO, "a.so")]
    (one,) = reasons
    assert "serves GenuineIntel alone" in one
    assert one.endswith("the extra openvino-built-in")


def test_partial_provider_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Where it is preferred, the CPU is taken, and this said aloud."""
    # Azure's provider is in the CPU runtime, runs no node, and the runtime falls back without a word.
    azure = "AzureExecutionProvider"
    known = {**KNOWN, azure: Provider(azure, "azure", "none")}
    with pytest.raises(ProviderError, match="does not run 2 of 2 nodes: CPUExecutionProvider runs Neg"):
        tiny("Neg", "Abs", settings=RuntimeSettings("require", azure, 1), known=known)
    for provider in (azure, CUDA):
        caplog.clear()
        preferred = tiny("Neg", "Abs", settings=RuntimeSettings("prefer", provider, 1), known=known)
        assert (preferred.provider, preferred.nodes) == (CPU, 2)
        assert "RUNS ON THE CPU" in caplog.text


@pytest.mark.parametrize("provider", [provider for provider in KNOWN if provider != CPU])
@pytest.mark.parametrize("role", ["detector", "matcher"])
def test_other_providers_match_the_cpu(provider: str, role: Role) -> None:
    if provider not in available_providers():
        pytest.skip(f"{provider} is not here")
    data = prepared(SPECS.for_role(role)).read_bytes()
    shape = (1, 3, 320, 320) if role == "detector" else SHAPE
    required = OrtSession(data, role, RuntimeSettings("require", provider, 1), [shape])
    tensor = np.random.default_rng(5).uniform(0, 255, shape).astype(np.float32)
    expected = OrtSession(data, role, ONE_THREAD, [shape]).run(tensor)
    for name, answer in required.run(tensor).items():
        assert np.allclose(answer, expected[name], atol=1e-3), name


def test_compiling_provider_gets_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSENGER_LANE_CACHE", str(tmp_path))
    loads: list[Load] = []

    def options(load: Load) -> dict[str, str]:
        loads.append(load)
        return {}

    known = {CPU: Provider(CPU, "engine", "cpu", options, compiles=True)}
    for operator in ("Neg", "Abs", "Neg"):
        tiny(operator, known=known)
    first, second, again = loads
    assert first.input_name == "x"
    assert first.shapes == ((1, 2),)
    assert first.cache == again.cache != second.cache
    assert first.cache.is_relative_to(tmp_path / "engine")
    assert first.cache.stat().st_mode & 0o077 == 0
    assert [provider.short for provider in KNOWN.values() if provider.compiles] == ["tensorrt"]


def test_required_variable_is_set_before_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANE_TEST", "")
    monkeypatch.delenv("LANE_TEST")
    known = {CPU: Provider(CPU, "cpu", "cpu", environment=(("LANE_TEST", "0"),))}
    tiny("Neg", known=known)
    assert os.environ["LANE_TEST"] == "0"
    monkeypatch.setenv("LANE_TEST", "1")
    with pytest.raises(ProviderError, match="LANE_TEST is '1' and must be '0'"):
        tiny("Neg", known=known)


def with_ends(inputs: list[str], kind: int) -> bytes:
    """A graph with these inputs, of which the first is answered with as this type."""
    entries = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 2]) for name in inputs]
    node = helper.make_node("Cast", inputs[:1], ["out"], to=kind)
    answer = helper.make_tensor_value_info("out", kind, [1, 2])
    model = helper.make_model(
        helper.make_graph([node], "odd", entries, [answer]),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
    )
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(
    ("inputs", "kind", "match"),
    [
        (["x", "y"], "FLOAT", r"one input, found .*x.*y"),
        *((["x"], kind, "no float32 tensor") for kind in ("STRING", "INT64", "FLOAT16", "DOUBLE", "BOOL")),
    ],
)
def test_odd_graph_is_refused(inputs: list[str], kind: str, match: str) -> None:
    """One of several inputs, or that answers with something else."""
    with pytest.raises(InferenceError, match=match):
        OrtSession(with_ends(inputs, onnx.TensorProto.DataType.Value(kind)), "odd", ONE_THREAD, [(1, 2)])


# Denormals are zero while a network runs, in every thread that works on it, and nowhere else.
SMALL = np.full(1 << 16, 1e-40, np.float32)
flushing = pytest.mark.skipif(not SUPPORTED, reason="this processor or C library is not known")


def kept() -> float:
    """The share of denormals that this thread computes with."""
    return float(np.mean(SMALL * np.float32(1) > 0))


def doubling(width: int) -> bytes:
    """A graph that multiplies a 1×width tensor by two."""
    graph = GraphBuilder("double")
    graph.add("Mul", ["x", graph.weight("two", np.full((1, width), 2, np.float32))], "y")
    return graph.finished(("x", (1, width)), [("y", (1, width))])


@flushing
def test_denormals_are_zero_only_inside_block() -> None:
    """In this thread, and also where the block ends early."""
    with ThreadPoolExecutor(max_workers=1) as other:
        assert kept() == other.submit(kept).result() == 1
        with flushed():
            assert kept() == 0
            with flushed():
                assert kept() == 0
            assert kept() == 0
            assert other.submit(kept).result() == 1
    assert kept() == 1
    with pytest.raises(ValueError, match="of the block"), flushed():
        raise ValueError("of the block")
    assert kept() == 1


@flushing
@pytest.mark.parametrize("threads", [1, 2])
def test_network_emits_no_denormal(threads: int) -> None:
    session = OrtSession(doubling(len(SMALL)), "double", RuntimeSettings(threads=threads), [(1, len(SMALL))])
    (answer,) = session.run(SMALL[None]).values()
    assert not answer.any()
    (answer,) = session.run(np.ones_like(SMALL)[None]).values()
    assert (answer == 2).all()
    assert kept() == 1
