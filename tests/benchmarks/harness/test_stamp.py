"""A stamp says what a result depends on, and nothing of who measured it."""

import getpass
import os
import platform
from datetime import datetime

import pytest
from pydantic import ValidationError

from benchmarks.harness.result import Result, Stamp
from benchmarks.harness.stamp import stamp
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from models.runtime.threads import limits


def test_stamp_tells_code_machine_libraries_clock(policy: Policy) -> None:
    made = stamp(policy, threads=3)
    assert set(made.model_dump(exclude_unset=True)) == set(Stamp.model_fields)
    assert made.cores <= (made.host_cores or 0) == limits().host_cores
    assert (made.threads, made.threads_asked) == (3, 3)
    assert stamp().threads == stamp().cores
    assert {"numpy", "opencv-python-headless", "onnxruntime"} <= made.libraries.keys()
    assert datetime.fromisoformat(made.date_utc).utcoffset() is not None
    assert made.policy is not None
    assert made.policy.model_dump() == policy.identity()
    assert made.clock is not None


def test_graphs_named_with_weights_and_placement(measurer: Measurer) -> None:
    made = stamp(built=measurer.networks)
    assert {(one.name, one.sha256, one.provider) for one in made.networks} == {
        (one.name, one.sha256, one.provider) for one in measurer.networks.identities
    }
    assert made.arithmetic == "fp32"


def test_stamp_names_no_host_or_user() -> None:
    text = stamp().model_dump_json(exclude={"cpu"})
    names = {platform.node(), os.environ.get("USER", ""), getpass.getuser()} - {"", "root"}
    assert [name for name in names if f'"{name}"' in text] == []


@pytest.mark.parametrize("missing", ["benchmark", "stamp", "conditions"])
def test_incomparable_result_is_rejected(missing: str) -> None:
    values = {"benchmark": "b", "stamp": stamp(), "conditions": {}, "figures": ()}
    Result.model_validate(values)
    with pytest.raises(ValidationError, match="Field required"):
        Result.model_validate({name: value for name, value in values.items() if name != missing})
