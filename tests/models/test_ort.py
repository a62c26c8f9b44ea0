import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from models import catalogue
from models.errors import InferenceError, ProviderError
from models.ort import CPU, OrtSession, RuntimeSettings, refuse_two_runtimes
from tests.models.conftest import ONE_THREAD

CUDA = "CUDAExecutionProvider"
SHAPE = (1, 3, 112, 112)


def graph(*operators: str) -> bytes:
    """A graph that applies one-input operators to a 1×2 tensor."""
    names = ["x", *(f"after_{index}" for index in range(len(operators)))]
    nodes = [helper.make_node(kind, [names[i]], [names[i + 1]], kind) for i, kind in enumerate(operators)]
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 2]) for name in (names[0], names[-1])
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", ends[:1], ends[1:]),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
    )
    data: bytes = model.SerializeToString()
    return data


def small(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([values], np.float32)


def test_a_graph_says_where_it_runs() -> None:
    session = OrtSession(graph("Neg"), "tiny", ONE_THREAD, [(1, 2)])
    assert session.provider == CPU
    (answer,) = session.run(small(1, -2)).values()
    assert answer.tolist() == [[-1, 2]]


def test_a_required_provider_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ProviderError, match=f"requires {CUDA}"):
        OrtSession(graph("Neg"), "tiny", RuntimeSettings("require", CUDA, 1), [(1, 2)])


def test_a_preferred_provider_that_is_not_there_is_a_loud_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        session = OrtSession(graph("Neg"), "tiny", RuntimeSettings("prefer", CUDA, 1), [(1, 2)])
    assert session.provider == CPU
    assert "RUNS ON THE CPU" in caplog.text


def test_the_cpu_policy_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    session = OrtSession(graph("Neg"), "tiny", RuntimeSettings("cpu", CUDA, 1), [(1, 2)])
    assert session.provider == CPU
    assert caplog.text == ""


@pytest.mark.parametrize("tensor", [small(1, 2, 3), small(1, 2).astype(np.float64), small(1, 2)[0]])
def test_a_shape_that_was_not_warmed_up_is_refused(
    tensor: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> None:
    session = OrtSession(graph("Neg"), "tiny", ONE_THREAD, [(1, 2)])
    with pytest.raises(InferenceError, match="not warmed up"):
        session.run(tensor)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_is_refused(bad: float) -> None:
    session = OrtSession(graph("Neg"), "tiny", ONE_THREAD, [(1, 2)])
    with pytest.raises(InferenceError, match="input is not finite"):
        session.run(small(1, bad))


def test_nan_and_infinity_are_never_an_answer() -> None:
    session = OrtSession(graph("Sqrt"), "tiny", ONE_THREAD, [(1, 2)])
    assert [answer.tolist() for answer in session.run(small(4, 9)).values()] == [[[2, 3]]]
    with pytest.raises(InferenceError, match="not finite"):
        session.run(small(4, -9))
    with pytest.raises(InferenceError, match="not finite"):
        OrtSession(graph("Log"), "tiny", ONE_THREAD, [(1, 2)])  # log(0), at the warm-up


def test_loading_a_network_leaves_the_programs_own_arithmetic_alone() -> None:
    code = (
        "import numpy as np; from models.ort import OrtSession, RuntimeSettings\n"
        f"OrtSession({graph('Sqrt')!r}, 'tiny', RuntimeSettings(threads=1), [(1, 2)])\n"
        "print(np.float32(1e-40) * np.float32(1) > 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "True"


@pytest.mark.parametrize("data", [b"", b"not a graph", graph("Neg")[:-20]])
def test_bytes_that_are_no_graph_are_a_provider_error(data: bytes) -> None:
    with pytest.raises(ProviderError, match="does not load"):
        OrtSession(data, "tiny", ONE_THREAD, [(1, 2)])


def test_loading_and_running_write_nothing_to_the_terminal(
    prepared_file: Callable[[catalogue.Role], Path],
) -> None:
    code = (
        "from pathlib import Path\nfrom models.ort import OrtSession, RuntimeSettings\n"
        f"data = Path({str(prepared_file('matcher'))!r}).read_bytes()\n"
        f"OrtSession(data, 'matcher', RuntimeSettings(threads=1), [{SHAPE}])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout + result.stderr == ""


def test_two_runtimes_are_refused_and_named() -> None:
    refuse_two_runtimes(["onnxruntime", "onnxruntime"])
    with pytest.raises(ProviderError, match="onnxruntime and onnxruntime-gpu exclude each other"):
        refuse_two_runtimes(["onnxruntime-gpu", "onnxruntime"])
    with pytest.raises(ProviderError, match="not installed"):
        refuse_two_runtimes([])


@pytest.mark.parametrize(("policy", "threads"), [("always", 1), ("cpu", 0), ("cpu", -2)])
def test_settings_that_make_no_sense_are_refused(policy: str, threads: int) -> None:
    with pytest.raises(ProviderError):
        RuntimeSettings(policy, CPU, threads)  # type: ignore[arg-type]
