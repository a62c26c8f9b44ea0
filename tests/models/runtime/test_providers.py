"""The table asks every provider for full fp32, and two runtimes at once are found whatever they own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ProviderError
from models.runtime import providers
from models.runtime.providers import (
    CPU,
    CUDA,
    KNOWN,
    OPENVINO,
    TENSORRT,
    Load,
    installed_runtimes,
    named,
    refuse_two_runtimes,
)
from tests.support import tiers
from tests.support.models.made_up_distribution import installed_beside

SHAPES = ((1, 3, 192, 320), (1, 3, 640, 384))
LOAD = Load(2, Path("engines"), "input", SHAPES)


def test_only_full_fp32_is_asked_for() -> None:
    cuda, tensorrt = KNOWN[CUDA].options(LOAD), KNOWN[TENSORRT].options(LOAD)
    openvino = json.loads(KNOWN[OPENVINO].options(LOAD)["load_config"])["CPU"]
    assert cuda["use_tf32"] == "0"
    assert tensorrt["trt_fp16_enable"] == tensorrt["trt_int8_enable"] == "0"
    assert ("NVIDIA_TF32_OVERRIDE", "0") in KNOWN[TENSORRT].environment
    assert openvino["INFERENCE_PRECISION_HINT"] == "f32"
    assert openvino["INFERENCE_NUM_THREADS"] == "2", "the plan's"


def test_new_shape_starts_no_search() -> None:
    assert KNOWN[CUDA].options(LOAD)["cudnn_conv_algo_search"] == "HEURISTIC"
    tensorrt = KNOWN[TENSORRT].options(LOAD)
    assert tensorrt["trt_profile_min_shapes"] == "input:1x3x192x320"
    assert tensorrt["trt_profile_max_shapes"] == "input:1x3x640x384"
    assert tensorrt["trt_engine_cache_path"] == "engines"


def test_every_option_is_text() -> None:
    options = [pair for provider in KNOWN.values() for pair in provider.options(LOAD).items()]
    assert all(isinstance(value, str) for pair in options for value in pair)


@pytest.mark.parametrize(
    ("maker", "extra"),
    [("GenuineIntel", "openvino"), ("AuthenticAMD", "openvino-built-in"), ("", "openvino")],
)
def test_extra_follows_the_processors_maker(monkeypatch: pytest.MonkeyPatch, maker: str, extra: str) -> None:
    monkeypatch.setattr(providers, "vendor", lambda: maker)
    assert KNOWN[OPENVINO].extra_here == extra
    assert (KNOWN[CPU].extra_here, KNOWN[CUDA].extra_here) == ("cpu", "gpu")


def test_provider_has_long_and_short_name() -> None:
    assert named("cuda") is named(CUDA) is named("CudaExecutionProvider")
    assert named("cpu") is named(CPU)


@given(st.text())
def test_unknown_provider_lists_the_known(name: str) -> None:
    if name.lower() in {word.lower() for one in KNOWN.values() for word in (one.name, one.short)}:
        return
    with pytest.raises(ProviderError, match=r"cpu .*cuda .*tensorrt .*openvino"):
        named(name)


def test_one_runtime_is_installed_here() -> None:
    (here,) = installed_runtimes()
    refuse_two_runtimes([here, here])


@pytest.mark.parametrize(
    ("found", "match"),
    [
        ([], "exactly one of the extras cpu, gpu, openvino, openvino-built-in"),
        (["onnxruntime-gpu", "onnxruntime"], "onnxruntime and onnxruntime-gpu exclude .*: uninstall both"),
        (["onnxruntime-gpu", "onnxruntime", "onnxruntime-openvino"], "uninstall all"),
    ],
)
def test_no_or_two_runtimes_are_refused_and_named(found: list[str], match: str) -> None:
    with pytest.raises(ProviderError, match=match):
        refuse_two_runtimes(found)


@tiers.parametrize(
    ("name", "owns"),
    [
        ("onnxruntime-gpu", "onnxruntime"),
        ("onnxruntime-gpu", ""),
        ("onnxruntime_openvino", ""),
        ("someones-runtime", "onnxruntime"),
    ],
    quick=1,
)
def test_second_runtime_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, owns: str
) -> None:
    installed_beside(tmp_path, name, owns=owns)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_runtimes()[name.replace("_", "-")] == "9.9"
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from models.runtime.onnx_runtime import OrtSession, RuntimeSettings\n"
        "OrtSession(b'', 'tiny', RuntimeSettings(), [(1, 2)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "exclude each other" in done.stderr
    assert name.replace("_", "-") in done.stderr


def test_plugin_is_no_second_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = installed_runtimes()
    installed_beside(tmp_path, "onnxruntime-ep-openvino", owns="onnxruntime_ep_openvino")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_runtimes() == before
    refuse_two_runtimes(installed_runtimes())
