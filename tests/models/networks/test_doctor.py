"""What is missing, broken or out of reach is a finding with an advice, never a traceback."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from models.__main__ import app
from models.catalogue import catalogue, weights
from models.catalogue.spec import Role
from models.errors import ProviderError
from models.networks import doctor as doctoring
from models.networks.doctor import examine
from models.runtime import bf16, providers
from models.runtime.machine import ROOT
from models.runtime.onnx_runtime import available_providers
from models.runtime.providers import CPU
from models.runtime.threads import cores, limits
from tests.models.conftest import prepared
from tests.support import tiers
from tests.support.models.made_up_distribution import installed_beside


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own with every default network; each is timed once."""
    monkeypatch.setattr(doctoring, "RUNS", 1)
    (tmp_path / "networks").mkdir()
    for spec in catalogue.load().networks:
        if spec.use == "default":
            shutil.copy(prepared(spec), weights.prepared_path(spec, tmp_path))
    return tmp_path


def test_ready_machine_gives_known_answers(cache: Path) -> None:
    found = examine(cache, threads=1)
    needed = [one for one in found.networks if one.needed]
    assert found.well
    assert found.advice == ()
    assert all(one.provider == CPU and one.nodes > 50 and one.run_ms and one.well for one in needed)
    assert all(one.drift is not None and one.drift < 1e-3 for one in needed)
    assert all(one.well for one in found.networks if not one.needed and one.state == "missing")


@pytest.mark.thorough
def test_missing_bf16_is_no_problem(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without() -> str:
        raise ProviderError("this processor has no bfloat16 of its own")

    monkeypatch.setattr(doctoring, "native_bf16", without)
    lacking = examine(cache, threads=1)
    assert lacking.well
    assert (lacking.bf16, lacking.bf16_problem) == ("", "this processor has no bfloat16 of its own")
    monkeypatch.setattr(doctoring, "native_bf16", lambda: "amx")
    assert examine(cache, threads=1).bf16 == "amx"


@pytest.mark.parametrize(
    ("provider", "maker", "extra"),
    [
        ("openvino", "GenuineIntel", "openvino"),
        ("openvino", "AuthenticAMD", "openvino-built-in"),
        ("cuda", "", "gpu"),
    ],
)
def test_missing_provider_names_its_extra(
    cache: Path, monkeypatch: pytest.MonkeyPatch, provider: str, maker: str, extra: str
) -> None:
    """The one that serves this processor."""
    name = providers.named(provider).name
    if name in available_providers():
        pytest.skip(f"{name} is here")
    monkeypatch.setattr(providers, "vendor", lambda: maker)
    for module in (bf16, doctoring):
        monkeypatch.setattr(module, "native_bf16", lambda: "avx512")
    found = examine(cache, provider, threads=1)
    lock = f"requirements-{extra}.lock"
    assert (ROOT / lock).is_file()
    assert found.advice == (f"install the extra {extra} ({lock}), in a fresh environment",)
    (problem,) = found.problems
    assert problem.startswith(f"{name} is not available here")
    assert problem.endswith(f"the extra {extra}")
    assert provider != "openvino" or found.bf16_problem.endswith(f"the extra {extra}")
    assert not any(one.provider for one in found.networks)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@tiers.parametrize(
    ("harm", "state", "advice"),
    [
        (Path.unlink, "missing", "run `python -m models prepare {name}`"),
        (lambda path: path.write_bytes(b""), "changed", "run `python -m models prepare --again {name}`"),
        (
            lambda path: path.write_bytes(path.read_bytes() + b"x"),
            "changed",
            "run `python -m models prepare --again {name}`",
        ),
        (a_folder, "unreadable", "let this user read {path}, which must be a file"),
    ],
    quick=1,
)
@tiers.parametrize("role", ("detector", "matcher"), quick=1)
def test_unusable_file_is_a_problem_with_advice(
    cache: Path, role: Role, harm: Callable[[Path], None], state: str, advice: str
) -> None:
    spec = catalogue.load().for_role(role)
    path = weights.prepared_path(spec, cache)
    harm(path)
    found = examine(cache, threads=1)
    states = {one.spec.role: one.state for one in found.networks if one.needed}
    assert states == {**dict.fromkeys(states, "ready"), role: state}
    assert found.problems == (f"{spec.name}: its file is {state}",)
    assert found.advice == (advice.format(name=spec.name, path=path),)


def test_unknown_provider_is_an_error(cache: Path) -> None:
    with pytest.raises(ProviderError, match="no provider that is known"):
        examine(cache, "abacus")


def test_excess_threads_are_advised_against(cache: Path) -> None:
    found = examine(cache, threads=cores(limits()) + 1)
    assert found.well
    assert any(text.startswith("ask for at most") for text in found.advice)


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments])


@pytest.mark.thorough
def test_text_and_json_tell_the_same(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSENGER_LANE_CACHE", str(cache))
    text, as_json = doctor("--threads", "1"), doctor("--threads", "1", "--json")
    found: dict[str, Any] = json.loads(as_json.stdout)
    assert text.exit_code == as_json.exit_code == 0
    assert found["well"] is True
    assert found["threads"]["threads"] == 1
    for network in found["networks"]:
        assert network["name"] in text.stdout
        if network["use"] == "default":
            assert network["golden_passed"]
            assert f"CPU {network['nodes']}/{network['nodes']}" in text.stdout
    assert found["machine"]["cpu"] in text.stdout
    assert f"A lane's networks would start on {CPU}." in text.stdout


@pytest.mark.thorough
def test_broken_setup_exits_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSENGER_LANE_CACHE", str(tmp_path))
    empty = doctor()
    monkeypatch.setenv("PASSENGER_LANE_CATALOGUE", str(tmp_path / "none.toml"))
    broken = doctor("--json")
    assert empty.exit_code == broken.exit_code == 1
    assert "prepare" in empty.stdout
    assert "none.toml" in json.loads(broken.stdout)["problems"][0]


def test_two_runtimes_are_told_unloaded(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed_beside(tmp_path / "path", "onnxruntime-gpu")
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    found = examine(cache)
    assert "exclude each other" in found.problems[0]
    assert "uninstall onnxruntime, onnxruntime-gpu" in found.advice[0]
    assert not any(network.provider for network in found.networks)


@pytest.mark.thorough
def test_unloadable_runtime_is_told(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('libsomething.so: cannot open')\n")
    environment = {**os.environ, "PASSENGER_LANE_CACHE": str(cache), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "models", "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1, done.stderr
    assert "does not load: libsomething.so" in json.loads(done.stdout)["problems"][0]


def test_ctrl_c_ends_without_traceback(cache: Path) -> None:
    environment = {**os.environ, "PASSENGER_LANE_CACHE": str(cache)}
    command = [sys.executable, "-m", "models", "doctor"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as started:
        assert started.stderr is not None
        first = started.stderr.readline()
        started.send_signal(signal.SIGINT)
        time.sleep(0.01)
        started.send_signal(signal.SIGINT)
        _, rest = started.communicate()
    assert "Looking at" in first
    assert started.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in rest
