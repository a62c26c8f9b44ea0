"""A quick run on the real networks: its form and its stamp, never its speed."""

import copy
import io
import json
import signal
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.acquisition.other_libraries import INSTALL
from benchmarks.harness.frame_pass import STAGES as PASS_STAGES
from benchmarks.harness.timing import QUANTILES
from benchmarks.latency.energy import Bill
from benchmarks.latency.measure import STAGES, others
from benchmarks.report.tables import show_latency
from models.catalogue import catalogue
from models.errors import ProviderError
from models.runtime.providers import KNOWN
from models.runtime.threads import available_cores
from tests.support.benchmarks.command_line import run, running

FEW = ("--quick", "--frames", "4", "--passages", "2", "--batch", "2")


@pytest.fixture(scope="module")
def result(photos: Path) -> dict[str, Any]:
    assert photos.is_dir()
    done = run("latency", *FEW, "--json", "-")
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


@pytest.fixture(scope="module")
def cpu(result: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = result["providers"]["CPUExecutionProvider"]
    return told


def must_be_a_spread(spread: dict[str, Any]) -> None:
    quantiles = [0, *(spread[name] for name in QUANTILES), spread["max_ms"]]
    assert quantiles == sorted(quantiles)
    assert set(spread) == {*QUANTILES, "max_ms", "n"}


def test_every_stage_and_the_whole_have_their_percentiles(cpu: dict[str, Any]) -> None:
    assert tuple(cpu["stages"]) == STAGES
    wholes = [cpu[name] for name in ("end_to_end", "first_frame_to_gate", "frame_to_decision")]
    for spread in [*cpu["stages"].values(), *wholes, *cpu["cold"].values()]:
        must_be_a_spread(spread)
    assert {cpu["stages"][stage]["n"] for stage in ("decode", *PASS_STAGES)} == {4}
    assert {cpu["stages"][stage]["n"] for stage in ("liveness", "ledger", "gate")} == {2}
    assert cpu["end_to_end"]["n"] == cpu["first_frame_to_gate"]["n"] == cpu["passages"]["n"] == 2
    assert cpu["threads"] == available_cores()


def test_the_whole_is_longer_than_its_parts_and_no_longer_than_from_the_first_frame(
    cpu: dict[str, Any],
) -> None:
    assert cpu["end_to_end"]["p50_ms"] <= cpu["first_frame_to_gate"]["p50_ms"]
    assert cpu["stages"]["ledger"]["p50_ms"] < cpu["end_to_end"]["max_ms"]
    assert cpu["passages"]["similarity"]["known"] > 0.6


def test_each_place_of_the_plan_and_each_batch_is_told(cpu: dict[str, Any]) -> None:
    (point,) = cpu["points"]
    assert (point["size"], point["threads"]) == ("640x480", available_cores())
    assert point.items() <= cpu.items()
    (by_role,) = cpu["batches"].values()
    assert {role: list(sizes) for role, sizes in by_role.items()} == {"detector": ["2"], "embedder": ["2"]}


def test_energy_is_a_figure_or_a_reason(cpu: dict[str, Any]) -> None:
    for what in ("processor", "gpu"):
        assert (cpu["energy"][what] is None) == (what in cpu["energy"]["not_counted"])


def test_the_stamp_says_what_was_measured_on_what(result: dict[str, Any]) -> None:
    stamp = result["stamp"]
    assert {"date_utc", "commit", "cpu", "cores", "os", "python", "libraries", "policy", "clock"} <= set(
        stamp
    )
    assert {"numpy", "opencv-python-headless"} <= set(stamp["libraries"])
    assert stamp["date_utc"].endswith("+00:00")
    assert stamp["arithmetic"] == "fp32"


def test_all_cores_and_the_sizes_are_what_another_machine_is_compared_by(result: dict[str, Any]) -> None:
    assert (result["stamp"]["threads"], result["stamp"]["threads_asked"]) == (available_cores(), None)
    assert result["sizes"] == ["640x480"]
    assert result["stamp"]["journal"]["synchronous"] == "FULL"


def test_each_graph_says_where_it_ran(result: dict[str, Any]) -> None:
    ran = result["providers"]["CPUExecutionProvider"]["networks"]
    assert {(one["role"], one["sha256"]) for one in ran} == {
        (spec.role, spec.sha256) for spec in catalogue.load().networks if spec.use == "default"
    }
    assert {one["provider"] for one in ran} == {"CPUExecutionProvider"}


def test_a_provider_that_does_not_run_says_why(result: dict[str, Any]) -> None:
    assert {*result["providers_not_measured"], *result["providers"]} == set(KNOWN)
    for name, why in result["providers_not_measured"].items():
        assert name in why


def test_a_provider_is_told_by_its_long_name_however_it_was_asked_for() -> None:
    assert others(None) == tuple(name for name in KNOWN if name != "CPUExecutionProvider")
    assert others(["cpu", "openvino", "OpenVINOExecutionProvider"]) == ("OpenVINOExecutionProvider",)
    with pytest.raises(ProviderError, match="openvino"):
        others(["abacus"])


def test_peers_are_measured_or_the_result_says_how_to_install_them(result: dict[str, Any]) -> None:
    peer = result["peers"]["face_recognition"]
    if find_spec("face_recognition") is None:
        assert peer == {"skipped": INSTALL}
    else:
        assert peer["recognised"] == peer["n"] == 4


def shown(result: dict[str, Any]) -> str:
    console = Console(record=True, width=140, file=io.StringIO())
    show_latency(console, result)
    return console.export_text()


def test_a_person_reads_every_stage_the_whole_a_cold_start_and_why_energy_is_not_told(
    result: dict[str, Any],
) -> None:
    text = shown(result)
    assert "matcher in fp32" in text
    for named in ("frame captured to gate commanded", "first frame", "first decision", *STAGES):
        assert named in text
    for what, why in result["providers"]["CPUExecutionProvider"]["energy"]["not_counted"].items():
        assert f"energy of the {what}: not counted: {why[:40]}" in text


def test_joules_and_a_batch_that_no_graph_takes_are_told(result: dict[str, Any]) -> None:
    told = copy.deepcopy(result)
    cpu = told["providers"]["CPUExecutionProvider"]
    cpu["energy"] = Bill(joules={"processor": 9.0}, seconds=3.0).told(2)
    cpu["batches"] = {"2": {"detector": {"2": {"skipped": "takes one picture at a time"}}}}
    text = shown(told)
    assert "energy of the processor: 4.50 J a decision" in text
    assert "takes one picture at a time" in text


def test_a_result_that_could_not_be_kept_is_not_measured(tmp_path: Path) -> None:
    done = run("latency", "--quick", "--json", str(tmp_path / "nowhere" / "out.json"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "nowhere" in done.stderr


def test_help_teaches_each_command() -> None:
    told = run("--help").stdout
    assert "latency" in told
    assert "accuracy" in told
    assert "Start here" in told


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux when the networks are loaded")
def test_ctrl_c_ends_a_run_without_a_traceback() -> None:
    with running("latency", "--frames", "1000000") as process:
        maps = Path(f"/proc/{process.pid}/maps")
        while process.poll() is None and "onnxruntime" not in maps.read_text(encoding="utf-8"):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not told
    assert "stopped" in complained
    assert "Traceback" not in complained
