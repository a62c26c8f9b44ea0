"""A reduced network is made beside the full one, admitted if faster and within drift, and used by none."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.admission import Speed, Trial, alternated, tried
from models.catalogue import catalogue, weights
from models.catalogue.spec import Role
from models.errors import InferenceError, ProviderError
from models.reduced import reduce
from models.runtime.onnx_runtime import RuntimeSettings, available_providers
from models.runtime.providers import CPU, CUDA
from models.runtime.session import Tensor
from models.selftest.drift import LIMITS, Drift
from tests.models.conftest import ONE_THREAD

SAME = Drift(1, 0, 0, 1)
EVEN = Speed(1, 1, 1, 1, 1, 10)


@pytest.fixture
def cache(tmp_path: Path, prepared_file: Callable[[Role], Path]) -> Path:
    """A cache of its own with the matcher."""
    (tmp_path / "networks").mkdir()
    shutil.copy(prepared_file("matcher"), tmp_path / "networks")
    return tmp_path


@pytest.fixture(scope="module")
def trials(
    tmp_path_factory: pytest.TempPathFactory, prepared_file: Callable[[Role], Path]
) -> dict[str, Trial]:
    folder = tmp_path_factory.mktemp("cache")
    (folder / "networks").mkdir()
    shutil.copy(prepared_file("matcher"), folder / "networks")
    spec = catalogue.load().for_role("matcher")
    return {kind: tried(spec, kind, folder, ONE_THREAD, rounds=4) for kind in ("fp16", "int8")}


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_the_reduced_file_lies_beside_the_full_one_which_stays(
    trials: dict[str, Trial], precision: str
) -> None:
    trial = trials[precision]
    spec = catalogue.load().for_role("matcher")
    assert trial.path is not None
    cache = trial.path.parents[1]
    assert trial.path.parent == weights.prepared_path(spec, cache).parent
    assert precision in trial.path.name
    assert trial.size < 0.6
    assert weights.state(spec, cache) == "ready"


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_no_catalogue_entry_takes_a_reduced_file_by_itself(trials: dict[str, Trial], precision: str) -> None:
    trial = trials[precision]
    assert trial.path is not None
    assert trial.path.name not in {spec.file for spec in catalogue.load().networks}
    assert trial.sha256 not in {spec.sha256 for spec in catalogue.load().networks}


def test_this_matcher_in_half_precision_says_the_same_and_in_int8_does_not(trials: dict[str, Trial]) -> None:
    assert trials["fp16"].within
    assert not trials["int8"].within
    assert not trials["int8"].admitted


@given(st.floats(0, 3), st.floats(0, 3), st.floats(0.9, 1), st.floats(0, 0.02), st.integers(0, 200))
def test_only_what_is_faster_and_within_drift_on_photographs_is_admitted_or_may_be_calibrated(
    low: float, high: float, cosine: float, moved: float, photographs: int
) -> None:
    spec = catalogue.load().for_role("matcher")
    speed = replace(EVEN, ratio=max(low, high), ratio_low=min(low, high), ratio_high=max(low, high))
    trial = Trial(
        spec, "fp16", None, "", 0.5, CPU, speed, Drift(cosine, moved, 0, 1), LIMITS["matcher"], photographs
    )
    within = cosine >= 0.9995 and moved <= 0.005
    measured = min(low, high) > 1.05 and photographs >= 100
    assert trial.admitted == (measured and within)
    assert trial.calibrable == (measured and cosine >= 0.9995 and moved > 0.005)


class Ticking:
    """A network that notes who was asked."""

    provider = CPU

    def __init__(self, name: str, asked: list[str]) -> None:
        self._name, self._asked = name, asked

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        self._asked.append(self._name)
        return {}


@given(st.integers(2, 40))
def test_both_take_turns_and_who_goes_first_changes(rounds: int) -> None:
    asked: list[str] = []
    speed = alternated(
        Ticking("full", asked), Ticking("less", asked), [np.zeros((1, 1), np.float32)] * 2, rounds
    )
    turns = [asked[start : start + 4] for start in range(0, len(asked), 4)]
    assert turns == [
        ["full", "full", "less", "less"] if number % 2 == 0 else ["less", "less", "full", "full"]
        for number in range(rounds)
    ]
    assert 0 < speed.ratio_low <= speed.ratio <= speed.ratio_high


@pytest.mark.parametrize(
    ("precision", "reason"), [("fp4", "must be one of"), ("bf16", "setting of openvino")]
)
def test_what_cannot_be_tried_is_said_before_anything_loads(
    tmp_path: Path, precision: str, reason: str
) -> None:
    with pytest.raises(ProviderError, match=reason):
        tried(catalogue.load().for_role("matcher"), precision, tmp_path, RuntimeSettings())


def test_bytes_that_are_no_graph_cannot_be_reduced() -> None:
    with pytest.raises(InferenceError, match="cannot be reduced to int8"):
        reduce(b"not a graph", "int8", [])


def command(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "models", "reduce", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PASSENGER_LANE_CACHE": str(cache)},
    )


def test_the_command_writes_figures_limits_and_a_stamp(cache: Path, tmp_path: Path) -> None:
    name, out = catalogue.load().for_role("matcher").name, tmp_path / "out.json"
    done = command(
        name, "--precision", "fp16", "--threads", "1", "--rounds", "10", "--json", str(out), cache=cache
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing uses a reduced network" in done.stdout
    result = json.loads(out.read_text(encoding="utf-8"))
    trial = result["networks"][name]["trials"]["fp16"]
    low, high = trial["speed"]["ratio_interval"]
    assert low <= trial["speed"]["ratio"] <= high
    assert trial["drift"]["cosine"] >= trial["limit"]["cosine"]
    assert trial["would_be_admitted"] is False  # on drawn faces alone
    assert {"date_utc", "commit", "cpu", "threads", "libraries"} <= result["stamp"].keys()
    assert result["failed"] == []


def test_a_folder_that_is_not_there_is_said_at_once(cache: Path, tmp_path: Path) -> None:
    done = command("--json", str(tmp_path / "none" / "out.json"), cache=cache)
    assert done.returncode == 2
    assert "there is no folder" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(CUDA in available_providers(), reason="there is a GPU here")
def test_a_provider_that_is_not_here_is_said_at_once(cache: Path) -> None:
    done = command("--provider", "cuda", cache=cache)
    assert done.returncode == 2
    assert f"{CUDA} is not available here" in done.stderr


def test_a_folder_without_a_picture_is_said_at_once(cache: Path, tmp_path: Path) -> None:
    done = command("--pictures", str(tmp_path), cache=cache)
    assert done.returncode == 2
    assert f"{tmp_path} holds no picture that can be read" in done.stderr
