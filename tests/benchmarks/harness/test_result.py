"""A result is written whole, drawings beside it where they can be made; its stamp says what it depends on."""

import getpass
import os
import platform
import sys
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmarks.harness.command_line import deliver
from benchmarks.harness.plots import PlotsMissingError, bars
from benchmarks.harness.result import Result, Stamp, read
from benchmarks.harness.stamp import stamp
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from models.runtime.threads import limits
from tests.support.benchmarks.made_up_results import latency


def draw() -> dict[str, object]:
    return {"bars": bars("times", {"one": {"a": 1.0}}, "ms")}


def test_drawings_lie_beside_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(latency(), tmp_path / "out.json", draw)  # type: ignore[arg-type]
    assert read(tmp_path / "out.json").drawings == ("out-bars.svg",)
    assert "<svg" in (tmp_path / "out-bars.svg").read_text()
    assert "end to end" in capsys.readouterr().out


def test_result_is_kept_without_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotsMissingError, match="extra `benchmarks`"):
        draw()
    deliver(latency(), tmp_path / "out.json", draw)  # type: ignore[arg-type]
    assert "extra `benchmarks`" in capsys.readouterr().err
    assert read(tmp_path / "out.json").drawings == ()
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_stamp_tells_code_machine_libraries_clock(policy: Policy) -> None:
    """And no host, no user."""
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
    text = made.model_dump_json(exclude={"cpu"})
    names = {platform.node(), os.environ.get("USER", ""), getpass.getuser()} - {"", "root"}
    assert [name for name in names if f'"{name}"' in text] == []


def test_graphs_named_with_weights_and_placement(measurer: Measurer) -> None:
    made = stamp(built=measurer.networks)
    assert {(one.name, one.sha256, one.provider) for one in made.networks} == {
        (one.name, one.sha256, one.provider) for one in measurer.networks.identities
    }
    assert made.arithmetic == "fp32"


@pytest.mark.parametrize("missing", ["benchmark", "stamp", "conditions"])
def test_incomparable_result_is_rejected(missing: str) -> None:
    values = {"benchmark": "b", "stamp": stamp(), "conditions": {}, "figures": ()}
    Result.model_validate(values)
    with pytest.raises(ValidationError, match="Field required"):
        Result.model_validate({name: value for name, value in values.items() if name != missing})
