"""A matcher runs in bfloat16 where it was asked to and is proved to, and is then another matcher."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.catalogue import catalogue, weights
from models.catalogue.spec import Role
from models.embed.similarity import similarity
from models.errors import MatchersDifferError, ModelError, ProviderError
from models.networks import build
from models.networks.build import Matcher, matcher_of
from models.runtime import bf16 as arithmetic
from models.runtime.bf16 import LIMITING, native_bf16
from models.runtime.onnx_runtime import Bf16, RuntimeSettings, available_providers, why_unavailable
from models.runtime.providers import CPU, IN_BF16, OPENVINO, Provider, installed_runtimes
from models.values.face import AlignedFace
from models.values.identity import FP32
from tests.support.models.made_up_distribution import installed_beside

SPECS = catalogue.load()
SPEC = SPECS.for_role("matcher")


@pytest.fixture(autouse=True)
def cache(prepared_file: Callable[[Role], Path]) -> Path:
    return prepared_file("matcher").parents[1]


def cpu(folder: Path, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: fpu avx2 avx512f {flags}\n", encoding="utf-8")
    return path


def matcher(bf16: Bf16) -> Matcher:
    return matcher_of(SPECS, SPEC, weights.cache_dir(), RuntimeSettings(threads=1, bf16=bf16))


@pytest.mark.parametrize("flags", ["", "avx512_vnni avx512_fp16 amx_int8 amx_tile", "amx_bf16", "bf16 i8mm"])
def test_processor_without_bf16_is_refused(tmp_path: Path, flags: str) -> None:
    with pytest.raises(ProviderError, match="no bfloat16 of its own"):
        native_bf16(cpu(tmp_path, flags), {})


def test_multiplying_instructions_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert native_bf16(cpu(tmp_path, "avx512_bf16"), {}) == "avx512"
    both = cpu(tmp_path, "avx512_bf16 amx_tile amx_bf16")
    for permitted, instructions in ((True, "amx"), (False, "avx512")):
        monkeypatch.setattr(arithmetic, "_tiles_permitted", lambda permitted=permitted: permitted)
        assert native_bf16(both, {}) == instructions


@pytest.mark.parametrize("name", LIMITING)
def test_instruction_limiting_variable_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProviderError, match=f"{name} is set.*unset it"):
        native_bf16(cpu(tmp_path, "avx512_bf16"), {name: "AVX512_CORE"})


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
    assert preferred.embedder.arithmetic == FP32
    assert preferred.embedder.identity == matcher("never").embedder.identity
    assert preferred.identity.provider == CPU


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
    assert rounded.identity.provider == f"{OPENVINO} bf16"
    assert rounded.embedder.arithmetic.startswith("bf16 by ")
    crop = AlignedFace(np.random.default_rng(5).integers(0, 256, (112, 112, 3), np.uint8), "arcface-112")
    one, other = rounded.embedder.embed(crop), full.embedder.embed(crop)
    assert 0.99 < float(one.vector @ other.vector) < 1
    with pytest.raises(MatchersDifferError, match="no similarity"):
        similarity(one, other)
