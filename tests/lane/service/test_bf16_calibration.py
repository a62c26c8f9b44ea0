"""A lane whose matcher is to run in bfloat16 runs so with that calibration, or not at all, as it was told."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from lane.decision.policy import load
from lane.platform.errors import PolicyError
from lane.service import build
from lane.service.settings import read
from models.catalogue import catalogue
from models.embed.preprocessing import preprocessing
from models.embed.template import FaceEmbedder
from models.errors import ProviderError
from models.networks.build import Networks
from models.runtime.onnx_runtime import RuntimeSettings, available_providers
from models.runtime.providers import OPENVINO
from models.values.identity import FP32, MatcherIdentity
from tests.support.lane.calibration_files import policy_for

ROOT = Path(__file__).parents[3]
SPECS = catalogue.load()
MATCHER, BEFORE = SPECS.for_role("matcher"), [SPECS.for_role("detector"), SPECS.for_role("landmarks")]


def identity(arithmetic: str) -> MatcherIdentity:
    return MatcherIdentity(MATCHER.name, MATCHER.sha256, preprocessing(MATCHER, BEFORE, arithmetic))


@pytest.mark.parametrize("measured", ["fp32", "bf16 by amx, plugin 1"])
@pytest.mark.parametrize("runs", ["fp32", "bf16 by amx, plugin 1", "bf16 by avx512, plugin 1"])
def test_calibration_fits_only_its_arithmetic(measured: str, runs: str) -> None:
    policy = policy_for(identity(measured))
    if measured == runs:
        assert policy.check(identity(runs)).admit > 0
        return
    with pytest.raises(PolicyError, match="in another arithmetic than"):
        policy.check(identity(runs))


@pytest.mark.skipif(OPENVINO in available_providers(), reason="OpenVINO is here")
def test_required_missing_bf16_stops_start() -> None:
    with pytest.raises(ProviderError, match="the settings require bf16"):
        build.build_measurer(read(engine={"bf16": "require", "threads": 1}), policy_for(identity("fp32")))


@pytest.mark.thorough
@pytest.mark.skipif(OPENVINO in available_providers(), reason="OpenVINO is here")
def test_preferred_missing_bf16_runs_fp32(networks: Networks) -> None:
    settings = read(engine={"bf16": "prefer", "threads": 1})
    measurer = build.build_measurer(settings, policy_for(identity("fp32")))
    assert measurer.networks.embedder.identity == networks.embedder.identity == identity("fp32")
    with pytest.raises(PolicyError, match="in another arithmetic than"):
        build.build_measurer(settings, policy_for(identity("bf16 by amx, plugin 1")))


def in_bf16(networks: Networks) -> Networks:
    """The networks, with a matcher that is another one: it says that it runs in bfloat16."""
    runs = "bf16 by avx512, plugin 1"
    embedder = FaceEmbedder(MATCHER, networks.embedder._session, preprocessing(MATCHER, BEFORE, runs), runs)
    return replace(networks, embedder=embedder)


@pytest.mark.parametrize("bf16", ["prefer", "require"])
def test_uncalibrated_bf16_falls_back_or_stops(
    bf16: str, networks: Networks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:

    def built(runtime: RuntimeSettings) -> Networks:
        return networks if runtime.bf16 == "never" else in_bf16(networks)

    monkeypatch.setattr(build, "build_networks", built)
    settings, policy = read(engine={"bf16": bf16}), policy_for(identity("fp32"))
    why = r"no calibration for sface-2021dec in bf16 by avx512, plugin 1, only made-up.json (in fp32)"
    if bf16 == "require":
        with pytest.raises(PolicyError, match=re.escape(why)):
            build.build_measurer(settings, policy)
        return
    measurer = build.build_measurer(settings, policy)
    assert measurer.networks.embedder.identity == identity("fp32")
    assert f"{MATCHER.name} RUNS IN FP32, not in bf16" in caplog.text
    assert why in caplog.text


def test_calibrated_preferred_bf16_runs(networks: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    rounded = in_bf16(networks)
    monkeypatch.setattr(build, "build_networks", lambda _: rounded)
    measurer = build.build_measurer(read(engine={"bf16": "prefer"}), policy_for(rounded.embedder.identity))
    assert measurer.networks is rounded


def test_shipped_policy_covers_locked_avx512_release_alone() -> None:
    lock = (ROOT / "requirements-openvino-built-in.lock").read_text(encoding="utf-8")
    release = re.search(r"^onnxruntime-openvino==(\S+)", lock, re.MULTILINE)
    assert release is not None
    shipped, said = load(), {FP32, f"bf16 by avx512, onnxruntime-openvino {release[1]}"}
    assert {one.calibration.content.matcher.arithmetic for one in shipped.calibrated} == said
    for runs in said:
        assert shipped.check(identity(runs)).admit > 0.3
    for runs in ("bf16 by amx, onnxruntime-openvino 1.24.1", "bf16 by avx512, plugin 0"):
        with pytest.raises(PolicyError, match=r"in another arithmetic than.*python -m benchmarks calibrate"):
            shipped.check(identity(runs))


def test_lost_networks_run_cpu_fp32() -> None:
    lost = read(engine={"bf16": "require", "provider_policy": "require", "provider": "openvino"})
    engine = build._on_cpu(lost).engine
    assert (engine.provider_policy, engine.bf16) == ("cpu", "never")
