"""Every provider is asked for full fp32, and for bfloat16 where a matcher was asked to, and is proved to.

Two runtimes at once are found whatever they own.
"""

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import catalogue, weights
from models.embed.similarity import similarity
from models.embed.template import FaceEmbedder
from models.errors import MatchersDifferError, ModelError, ProviderError
from models.networks import build
from models.networks.build import matcher_of
from models.runtime import bf16 as arithmetic
from models.runtime import providers
from models.runtime.bf16 import LIMITING, native_bf16
from models.runtime.onnx_runtime import Bf16, RuntimeSettings, available_providers, why_unavailable
from models.runtime.providers import (
    CPU,
    CUDA,
    IN_BF16,
    KNOWN,
    OPENVINO,
    TENSORRT,
    Load,
    Provider,
    installed_runtimes,
    named,
    refuse_two_runtimes,
)
from models.values.face import AlignedFace
from models.values.identity import FP32
from tests.models.conftest import prepared
from tests.support import tiers
from tests.support.models.made_up_distribution import installed_beside

SHAPES = ((1, 3, 192, 320), (1, 3, 640, 384))
LOAD = Load(2, Path("engines"), "input", SHAPES)


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (CUDA, {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}),
        (
            TENSORRT,
            {
                "trt_fp16_enable": "0",
                "trt_int8_enable": "0",
                "trt_profile_min_shapes": "input:1x3x192x320",
                "trt_profile_max_shapes": "input:1x3x640x384",
                "trt_engine_cache_path": "engines",
            },
        ),
        (OPENVINO, {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "2"}),
    ],
    ids=["cuda", "tensorrt", "openvino"],
)
def test_only_full_fp32_is_asked_for(provider: str, expected: dict[str, str]) -> None:
    """As text, and by the plan's threads; and a new shape starts no search."""
    options = dict(KNOWN[provider].options(LOAD))
    options |= json.loads(options.get("load_config", '{"CPU": {}}'))["CPU"]
    assert options == {**options, **expected}
    assert all(isinstance(value, str) for value in options.values())
    assert ("NVIDIA_TF32_OVERRIDE", "0") in KNOWN[TENSORRT].environment


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
    (here,) = before
    refuse_two_runtimes([here, here])
    installed_beside(tmp_path, "onnxruntime-ep-openvino", owns="onnxruntime_ep_openvino")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_runtimes() == before
    refuse_two_runtimes(installed_runtimes())


WITHOUT_BF16 = ("", "avx512_vnni avx512_fp16 amx_int8 amx_tile", "amx_bf16", "bf16 i8mm")
SPECS = catalogue.load()
SPEC = SPECS.for_role("matcher")


def cpu(folder: Path, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: fpu avx2 avx512f {flags}\n", encoding="utf-8")
    return path


def matcher(bf16: Bf16) -> FaceEmbedder:
    prepared(SPEC)
    return matcher_of(SPECS, SPEC, weights.cache_dir(), RuntimeSettings(threads=1, bf16=bf16))


@pytest.mark.parametrize(
    ("flags", "environment", "match"),
    [
        *((flags, {}, "no bfloat16 of its own") for flags in WITHOUT_BF16),
        *(("avx512_bf16", {name: "AVX512_CORE"}, f"{name} is set.*unset it") for name in LIMITING),
    ],
)
def test_processor_without_bf16_is_refused(
    tmp_path: Path, flags: str, environment: dict[str, str], match: str
) -> None:
    """And one that a variable may have taken its instructions from."""
    with pytest.raises(ProviderError, match=match):
        native_bf16(cpu(tmp_path, flags), environment)


def test_multiplying_instructions_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert native_bf16(cpu(tmp_path, "avx512_bf16"), {}) == "avx512"
    both = cpu(tmp_path, "avx512_bf16 amx_tile amx_bf16")
    for permitted, instructions in ((True, "amx"), (False, "avx512")):
        monkeypatch.setattr(arithmetic, "_tiles_permitted", lambda permitted=permitted: permitted)
        assert native_bf16(both, {}) == instructions


@pytest.fixture
def silent_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that takes the wish for bfloat16 and computes in fp32."""
    monkeypatch.setattr(build, "IN_BF16", {CPU: Provider(CPU, "cpu", "cpu")})
    monkeypatch.setattr(build, "in_bf16", lambda provider: f"bf16 by nobody, {provider.name}")


@pytest.mark.usefixtures("silent_fp32")
def test_silent_fp32_runtime_is_refused() -> None:
    with pytest.raises(ProviderError, match=r"does not run in bfloat16; the settings require bf16"):
        matcher("require")


@pytest.mark.thorough
@pytest.mark.usefixtures("silent_fp32")
def test_preferred_bf16_falls_back_aloud(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        preferred = matcher("prefer")
    assert f"{SPEC.name} RUNS IN FP32, not in bf16" in caplog.text
    assert preferred.arithmetic == FP32
    assert preferred.identity == matcher("never").identity
    assert preferred.provider == CPU


@pytest.mark.skipif(OPENVINO in available_providers(), reason="OpenVINO is here")
def test_missing_provider_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "native_bf16", lambda: "amx")
    with pytest.raises(ProviderError, match=r"the extra openvino.*; the settings require bf16"):
        matcher("require")


@pytest.mark.skipif("onnxruntime-openvino" in installed_runtimes(), reason="it is built in here")
def test_calibration_is_bound_to_provider_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "native_bf16", lambda: "avx512")
    for name, package in (("onnxruntime-ep-openvino", "plugin"), ("onnxruntime-openvino", "built-in")):
        installed_beside(tmp_path / package, name)
        monkeypatch.syspath_prepend(str(tmp_path / package))
        assert arithmetic.in_bf16(IN_BF16[OPENVINO]) == f"bf16 by avx512, {name} 9.9"


def possible() -> str:
    """Why no matcher can run in bfloat16 here; empty where one can."""
    try:
        arithmetic.in_bf16(IN_BF16[OPENVINO])
    except ModelError as error:
        return str(error)
    return why_unavailable(IN_BF16[OPENVINO])


@pytest.mark.skipif(bool(possible()), reason=possible())
def test_bf16_matcher_is_another_matcher() -> None:
    rounded, full = matcher("require"), matcher("never")
    assert rounded.provider == f"{OPENVINO} bf16"
    assert rounded.arithmetic.startswith("bf16 by ")
    crop = AlignedFace(np.random.default_rng(5).integers(0, 256, (112, 112, 3), np.uint8), "arcface-112")
    one, other = rounded.embed(crop), full.embed(crop)
    assert 0.99 < float(one.vector @ other.vector) < 1
    with pytest.raises(MatchersDifferError, match="no similarity"):
        similarity(one, other)
