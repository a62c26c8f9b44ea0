"""A quick run on the real networks: its form and its stamp, never its speed."""

import io
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from benchmarks.acquisition.other_libraries import INSTALL
from benchmarks.harness.frame_pass import STAGES as PASS_STAGES
from benchmarks.harness.result import Figure, Name, Result, not_available
from benchmarks.harness.result_file import parse
from benchmarks.harness.tables import show
from benchmarks.harness.timing import QUANTILES
from benchmarks.latency.cold_start import PARTS
from benchmarks.latency.energy import EnergyUse
from benchmarks.latency.measure import STAGES, is_late, others
from models.catalogue import catalogue
from models.errors import ProviderError
from models.runtime.providers import CPU, KNOWN
from models.runtime.threads import available_cores
from tests.support.benchmarks.command_line import must_stop_at_ctrl_c, run, run_here, running

FEW = ("--quick", "--frames", "4", "--passages", "2", "--batch", "2")


@pytest.fixture(scope="module")
def result(photos: Path) -> Result:
    assert photos.is_dir()
    done = run("latency", *FEW, "--json", "-")
    assert done.returncode == 0, done.stderr
    return parse(done.stdout, "standard output")


@pytest.fixture(scope="module")
def cpu(result: Result) -> dict[Name, Figure]:
    return {one.name[1:]: one for one in result.under(CPU)}


def must_be_a_spread(one: Figure) -> None:
    assert tuple(one.quantiles) == (*QUANTILES, "max")
    assert [*one.quantiles.values()] == sorted(one.quantiles.values())
    assert (one.number or 0) > 0


@pytest.mark.thorough
def test_stages_and_whole_have_percentiles(cpu: dict[Name, Figure]) -> None:
    wholes = ("end to end", "first frame to gate", "frame to decision")
    assert tuple(name for (name,) in (name for name in cpu if len(name) == 1)) == (*wholes, *STAGES)
    for name in (*((one,) for one in (*wholes, *STAGES)), *(("cold", part) for part in PARTS)):
        must_be_a_spread(cpu[name])
    assert {cpu[stage,].n for stage in ("decode", *PASS_STAGES)} == {4}
    assert {cpu[stage,].n for stage in ("liveness", "ledger", "gate", *wholes[:2])} == {2}


@pytest.mark.thorough
def test_whole_exceeds_parts_within_first_frame(result: Result, cpu: dict[Name, Figure]) -> None:
    end_to_end = cpu["end to end",].quantiles
    assert end_to_end["p50"] <= cpu["first frame to gate",].quantiles["p50"]
    assert cpu["ledger",].quantiles["p50"] < end_to_end["max"]
    assert (result[f"{CPU}, passages", "similarity known"].number or 0) > 0.6
    assert result[f"{CPU}, passages", "passages"].number == 2
    assert (result[f"{CPU}, passages", "frames per second"].number or 0) > 0
    assert result[f"{CPU}, passages", "captures with a late camera"].number in range(3)


class Seen(NamedTuple):
    came: int
    lasted_s: float


@pytest.mark.parametrize(
    ("seen", "late"),
    [(Seen(31, 1.0), False), (Seen(28, 1.0), False), (Seen(27, 1.0), True), (Seen(1, 0.0), False)],
)
def test_camera_with_few_frames_is_late(seen: Seen, *, late: bool) -> None:
    assert is_late(seen) is late


@pytest.mark.thorough
def test_each_batch_of_plan_is_measured(result: Result, cpu: dict[Name, Figure]) -> None:
    assert not [name for name in cpu if name[0] == "end to end" and len(name) > 1]  # one place alone
    threads = f"{available_cores()} threads"
    batches = {one.name[1:4] for one in result.under(f"{CPU}, batches")}
    assert batches == {(threads, "detector", "2"), (threads, "embedder", "2")}


@pytest.mark.thorough
def test_energy_is_figure_or_reason(cpu: dict[Name, Figure]) -> None:
    for what in ("processor", "gpu"):
        assert (("energy", what) in cpu) != (("energy", what, "a decision") in cpu)


@pytest.mark.thorough
def test_machines_compare_by_all_cores_sizes(result: Result) -> None:
    assert (result.stamp.threads, result.stamp.threads_asked) == (available_cores(), None)
    assert result.conditions["threads"] == available_cores()
    assert result.conditions["sizes"] == ["640x480"]
    assert str(result.settings["journal"]).startswith("synchronous FULL on ")


@pytest.mark.thorough
def test_each_graph_says_where_it_ran(result: Result) -> None:
    assert result.stamp.arithmetic == "fp32"
    ran = [one for one in result.stamp.networks if one.provider == CPU]
    assert {(one.role, one.sha256) for one in ran} == {
        (spec.role, spec.sha256) for spec in catalogue.load().networks if spec.use == "default"
    }


@pytest.mark.thorough
def test_provider_that_fails_says_why(result: Result) -> None:
    for provider in KNOWN:
        why = result.not_available.get(provider)
        measured = result.find(provider, "end to end") is not None
        assert measured == (why is None)
        assert why is None or provider in why


def test_providers_are_known_by_long_name() -> None:
    assert others(None) == tuple(name for name in KNOWN if name != "CPUExecutionProvider")
    assert others(["cpu", "openvino", "OpenVINOExecutionProvider"]) == ("OpenVINOExecutionProvider",)
    with pytest.raises(ProviderError, match="openvino"):
        others(["abacus"])


@pytest.mark.thorough
def test_peers_measured_or_install_advice_given(result: Result) -> None:
    if find_spec("face_recognition") is None:
        assert result.not_available["face_recognition"] == INSTALL
    else:
        assert result["face_recognition", "whole"].n == 4


def shown(result: Result) -> str:
    console = Console(record=True, width=240, file=io.StringIO())
    show(console, result)
    return console.export_text()


@pytest.mark.thorough
def test_text_tells_stages_whole_cold_start(
    result: Result,
) -> None:
    text = shown(result)
    assert "matcher in fp32" in text
    for named in ("until the gate is commanded", "first frame", "first decision", *STAGES):
        assert named in text
    for what, why in result.not_available.items():
        assert f"{what} not available: {why[:40]}" in text


@pytest.mark.thorough
def test_text_shows_joules_and_impossible_batch(result: Result) -> None:
    joules = EnergyUse(joules={"processor": 9.0}, seconds=3.0).figures((CPU, "energy"), 2)
    batch = not_available({"2": "takes one picture at a time"}, "batches", "2 threads", "detector")
    text = shown(result.model_copy(update={"figures": (*joules, *batch)}))
    assert "4.50\N{NO-BREAK SPACE}J" in text
    assert "batches, 2 threads, detector, 2 not available: takes one picture at a time" in text


def test_unkeepable_result_is_not_measured(tmp_path: Path) -> None:
    done = run_here("latency", "--quick", "--json", str(tmp_path / "nowhere" / "out.json"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "nowhere" in done.stderr


def test_help_teaches_each_command() -> None:
    text = run_here("--help").stdout
    assert "latency" in text
    assert "accuracy" in text
    assert "Start here" in text


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux when the networks are loaded")
def test_ctrl_c_ends_run_without_traceback() -> None:
    with running("latency", "--frames", "1000000") as process:
        maps = Path(f"/proc/{process.pid}/maps")
        while process.poll() is None and "onnxruntime" not in maps.read_text(encoding="utf-8"):
            time.sleep(0.05)
        must_stop_at_ctrl_c(process)
