"""A quick run on the real networks: its form and its stamp, never its speed.

A run measures everything, or the least that says something, and never more than was asked for.
"""

import io
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks.acquisition.other_libraries import INSTALL
from benchmarks.harness.command_line import show
from benchmarks.harness.measurer import STAGES as PASS_STAGES
from benchmarks.harness.noted_camera import Noted
from benchmarks.harness.result import Figure, Name, Result, not_available, parse
from benchmarks.harness.timing import QUANTILES
from benchmarks.latency.cold_start import PARTS
from benchmarks.latency.energy import EnergyUse
from benchmarks.latency.latency import STAGES, filesystem, is_late, others, size_of
from benchmarks.latency.plan import BATCHES, QUICK, SIZES, THOROUGH, Plan, one_core_to_all, plan
from models.catalogue import catalogue
from models.errors import ProviderError
from models.runtime.providers import CPU, KNOWN
from models.runtime.threads import available_cores
from tests.support.benchmarks.command_line import must_stop_at_ctrl_c, run, run_here, running

FEW = ("--quick", "--frames", "4", "--passages", "2", "--batch", "2")


@pytest.fixture(scope="module")
def result(photos: Path) -> Result:
    done = run("latency", *FEW, "--json", "-")
    assert done.returncode == 0, done.stderr
    return parse(done.stdout, "standard output")


@pytest.fixture(scope="module")
def cpu(result: Result) -> dict[Name, Figure]:
    return {one.name[1:]: one for one in result.under(CPU)}


@pytest.mark.thorough
def test_whole_stages_batches_and_energy_are_measured(result: Result, cpu: dict[Name, Figure]) -> None:
    """Each time as a spread, the whole above its parts; energy as a figure, or with the reason."""
    wholes = ("end to end", "first frame to gate", "frame to decision")
    assert tuple(name for (name,) in (name for name in cpu if len(name) == 1)) == (*wholes, *STAGES)
    for name in (*((one,) for one in (*wholes, *STAGES)), *(("cold", part) for part in PARTS)):
        quantiles = cpu[name].quantiles
        assert tuple(quantiles) == (*QUANTILES, "max")
        assert 0 < quantiles["p50"] <= quantiles["p90"] <= quantiles["p95"] <= quantiles["p99"]
        assert quantiles["p99"] <= quantiles["max"]
    assert {cpu[stage,].n for stage in ("decode", *PASS_STAGES)} == {4}
    assert {cpu[stage,].n for stage in ("liveness", "ledger", "gate", *wholes[:2])} == {2}
    end_to_end = cpu["end to end",].quantiles
    assert end_to_end["p50"] <= cpu["first frame to gate",].quantiles["p50"]
    assert cpu["ledger",].quantiles["p50"] < end_to_end["max"]
    assert (result[f"{CPU}, passages", "similarity known"].number or 0) > 0.6
    assert result[f"{CPU}, passages", "passages"].number == 2
    assert (result[f"{CPU}, passages", "frames per second"].number or 0) > 0
    assert result[f"{CPU}, passages", "captures with a late camera"].number in range(3)
    assert not [name for name in cpu if name[0] == "end to end" and len(name) > 1]  # one place alone
    threads = f"{available_cores()} threads"
    batches = {one.name[1:4] for one in result.under(f"{CPU}, batches")}
    assert batches == {(threads, "detector", "2"), (threads, "embedder", "2")}
    for what in ("processor", "gpu"):
        assert (("energy", what) in cpu) != (("energy", what, "a decision") in cpu)


@pytest.mark.parametrize(("came", "late"), [(31, False), (28, False), (27, True), (1, False)])
def test_camera_with_few_frames_is_late(came: int, *, late: bool) -> None:
    seen = Noted([0.0, 1.0], lost=came - 2) if came > 1 else Noted([0.0])
    assert (seen.came, is_late(seen)) == (came, late)


@pytest.mark.thorough
def test_stamp_and_reasons_tell_what_ran_where(result: Result) -> None:
    """On all cores, on this provider, beside peers that are installed."""
    assert (result.stamp.threads, result.stamp.threads_asked) == (available_cores(), None)
    assert result.conditions["threads"] == available_cores()
    assert result.conditions["sizes"] == ["640x480"]
    assert str(result.settings["journal"]).startswith("synchronous FULL on ")
    assert result.stamp.arithmetic == "fp32"
    ran = [one for one in result.stamp.networks if one.provider == CPU]
    assert {(one.role, one.sha256) for one in ran} == {
        (spec.role, spec.sha256) for spec in catalogue.load().networks if spec.use == "default"
    }
    for provider in KNOWN:
        why = result.not_available.get(provider)
        assert (result.find(provider, "end to end") is not None) == (why is None)
        assert why is None or provider in why
    if find_spec("face_recognition") is None:
        assert result.not_available["face_recognition"] == INSTALL
    else:
        assert result["face_recognition", "whole"].n == 4


def test_providers_are_known_by_long_name() -> None:
    assert others(None) == tuple(name for name in KNOWN if name != "CPUExecutionProvider")
    assert others(["cpu", "openvino", "OpenVINOExecutionProvider"]) == ("OpenVINOExecutionProvider",)
    with pytest.raises(ProviderError, match="openvino"):
        others(["abacus"])


def shown(result: Result) -> str:
    console = Console(record=True, width=240, file=io.StringIO())
    show(console, result)
    return console.export_text()


@pytest.mark.thorough
def test_text_tells_stages_whole_cold_start(result: Result) -> None:
    text = shown(result)
    assert "matcher in fp32" in text
    for named in ("until the gate is commanded", "first frame", "first decision", *STAGES):
        assert named in text
    for what, why in result.not_available.items():
        assert f"{what} not available: {why[:40]}" in text
    # Joules, where something counts them, and a batch that cannot be
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


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux when the networks are loaded")
def test_ctrl_c_ends_run_without_traceback() -> None:
    with running("latency", "--frames", "1000000") as process:
        maps = Path(f"/proc/{process.pid}/maps")
        while process.poll() is None and "onnxruntime" not in maps.read_text(encoding="utf-8"):
            time.sleep(0.05)
        must_stop_at_ctrl_c(process)


def test_thorough_run_covers_sizes_and_threads() -> None:
    whole = plan(8, counts=THOROUGH)
    assert whole.threads == (8, 1, 2, 4)
    assert [point.size for point in whole.points(8)] == list(SIZES)
    assert [point.size for point in whole.points(1)] == [SIZES[0]]
    assert (whole.batches[0], whole.batches[-1]) == (1, 16)
    first, *others = [point for threads in whole.threads for point in whole.points(threads)]
    assert first.counts == THOROUGH, "the first place is measured most"
    assert {point.counts for point in others} == {THOROUGH.fewer}
    assert 2 <= THOROUGH.fewer.passages < THOROUGH.passages


def test_a_first_look_is_one_place_and_asked_is_measured() -> None:
    quick = plan(8, counts=QUICK, quick=True)
    assert [quick.points(threads) for threads in quick.threads] == [quick.points(8)]
    assert len(quick.points(8)) == 1
    assert set(quick.batches) < set(BATCHES)
    asked = plan(8, counts=QUICK, sizes=[(320, 240), (640, 480)], threads=[3, 2, 3], batches=[5])
    assert asked == Plan(((320, 240), (640, 480)), (3, 2), (5,), QUICK)


@given(st.integers(1, 512))
def test_threads_range_from_one_to_all(cores: int) -> None:
    threads = one_core_to_all(cores)
    assert threads[0] == max(threads) == cores
    assert min(threads) == 1
    assert len(set(threads)) == len(threads)


def test_journals_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = [
        SimpleNamespace(mountpoint="/", fstype="ext4"),
        SimpleNamespace(mountpoint=str(tmp_path), fstype="tmpfs"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounted)
    assert filesystem(tmp_path / "lane") == "tmpfs"
    assert filesystem(Path("/elsewhere")) == "ext4"
    mounted.clear()
    assert filesystem(tmp_path) is None


@pytest.mark.parametrize("size", ["640", "640x", "0x480", "100x100", "99999x99999", "-1x480"])
def test_invalid_size_is_refused_with_example(size: str) -> None:
    with pytest.raises(typer.BadParameter, match="1280x720"):
        size_of(size)
    assert size_of("800×600") == size_of("800x600") == (800, 600)
