"""A stamp says what a result depends on, and nothing of who measured it."""

import getpass
import json
import os
import platform
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.output import tell
from benchmarks.harness.stamp import stamp
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from models.runtime.threads import limits

MACHINE = {"cpu", "features", "cores", "host_cores", "affinity", "quota_cores", "threads", "threads_asked"}
MACHINE |= {"memory_bytes", "memory_limit_bytes", "gpus", "gpu_models", "gpu_driver", "os", "python"}


def test_code_machine_libraries_clock_and_date_are_told(policy: Policy) -> None:
    told = stamp(policy, threads=3)
    assert set(told) == MACHINE | {"date_utc", "commit", "libraries", "clock", "policy"}
    assert told["cores"] <= told["host_cores"] == limits().host_cores
    assert (told["threads"], told["threads_asked"]) == (3, 3)
    assert stamp()["threads"] == stamp()["cores"]
    assert {"numpy", "opencv-python-headless", "onnxruntime"} <= told["libraries"].keys()
    assert datetime.fromisoformat(told["date_utc"]).utcoffset() is not None
    assert told["policy"] == policy.identity()
    assert set(told["clock"]) == {"function", "implementation", "source"}
    json.dumps(told, allow_nan=False)


def test_every_graph_is_named_with_its_weights_and_with_where_it_really_ran(measurer: Measurer) -> None:
    told = stamp(built=measurer.networks)
    assert {(one["name"], one["sha256"], one["provider"]) for one in told["networks"]} == {
        (one.name, one.sha256, one.provider) for one in measurer.networks.identities
    }
    assert told["arithmetic"] == "fp32"


def test_no_name_of_a_host_or_a_user_is_told() -> None:
    told = json.dumps({name: value for name, value in stamp().items() if name != "cpu"})
    names = {platform.node(), os.environ.get("USER", ""), getpass.getuser()} - {"", "root"}
    assert [name for name in names if f'"{name}"' in told] == []


@pytest.mark.parametrize("kept", ["benchmark", "stamp"])
def test_a_result_that_nothing_could_be_compared_with_is_not_told(kept: str, tmp_path: Path) -> None:
    result: dict[str, Any] = {kept: {}}
    with pytest.raises(ValueError, match="cannot be compared"):
        tell(result, tmp_path / "out.json", lambda _console, _result: None)
    assert list(tmp_path.iterdir()) == []
