"""A lane that looks at a camera for minutes: the form of what is told, and slopes that are right."""

import mmap
import os
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks.capacity import soak
from benchmarks.capacity.lane_processes import LaneProcess, Passage
from benchmarks.capacity.soak import WINDOWS, own_kb, passages, sampled, slope_per_hour, waiting
from benchmarks.errors import BenchmarkError
from benchmarks.harness.noted_camera import Noted
from benchmarks.harness.result import read
from tests.support.benchmarks.command_line import run
from tests.support.processes import until

GONE = 2**22 + 1
"""There is no process of this number."""
PROCESSES = {"supervisor", "lane", "reader", "kiosk", "tracker"}


class Idle(LaneProcess):
    """A lane of these processes, which may come and go while it rests."""

    def __init__(self, running: list[psutil.Process], later: list[psutil.Process]) -> None:
        self.running, self.later = running, later

    def processes(self) -> dict[str, psutil.Process]:
        return {f"{one.pid}": one for one in self.running}

    def rest(self, until_s: float) -> None:
        sum(range(2_000_000))
        time.sleep(max(0.0, until_s - time.monotonic()))
        self.running = self.later


def test_waiting_counts_every_process() -> None:
    """Those that idle, too; one that came or went has a share that nobody knows."""
    me, parent = psutil.Process(), psutil.Process(os.getppid())
    shares = {one.name: one.number or 0 for one in waiting(Idle([me, parent], [me, parent]), 0.2)}
    together = shares.pop(("waiting", "all processes", "of a core"))
    assert {name for _, name, _ in shares} == {f"{me.pid}", f"{parent.pid}"}
    assert 0 < together == pytest.approx(sum(shares.values()), abs=1e-3)
    for before, after in (([me], [me, parent]), ([me, parent], [me])):
        with pytest.raises(BenchmarkError, match="ended or began"):
            list(waiting(Idle(before, after), 0))


def test_counts_include_first_passage() -> None:
    """As all other figures of frames do; without a passage there are none."""
    before = {"frames": 10, "spoilt": 1, "skipped": 0, "reconnects": 1}
    seen = [before | {"spoilt": 3, "reconnects": 2}, before | {"spoilt": 4, "reconnects": 2}]
    noted = Noted([1.0, 1.1, 1.2], [1] * 3, [1] * 3, passed_over=1)
    passed = [Passage([], 9.0, noted, one) for one in seen]
    frames = {one.name[-1]: one.number for one in passages(passed, before) if one.name[0] == "frames"}
    assert (frames["came"], frames["looked at"], frames["passed over"]) == (8, 6, 2)
    assert (frames["spoilt"], frames["reconnects"]) == (3, 1)
    with pytest.raises(BenchmarkError, match="no passenger came"):
        list(passages([], {}))


@pytest.mark.thorough
def test_short_run_tells_frames_times_memory(photos: Path, tmp_path: Path) -> None:
    short = ("--minutes", "0.05", "--idle-s", "2", "--threads", "1")
    done = run("soak", *short, "--json", str(tmp_path / "soak.json"))
    assert done.returncode == 0, done.stderr
    assert "passed over" in done.stdout
    result = read(tmp_path / "soak.json")
    frames = {one.name[-1]: one.number or 0 for one in result.under("frames")}
    assert frames["came"] >= frames["looked at"] > 0
    assert frames["lost"] >= 0
    assert frames["spoilt"] == frames["reconnects"] == 0
    assert sum(one.number or 0 for one in result.under("passengers")) > 0
    for name in ("work", "age"):
        times = result["frame", name].quantiles
        assert 0 < times["p50"] <= times["p99"] <= times["max"]
    assert {one.name[1] for one in result.under("memory")} == PROCESSES
    waiting = {one.name[1]: one.number or 0 for one in result.under("waiting")}
    together = waiting.pop("all processes")
    assert waiting.keys() == PROCESSES
    assert 0 < together == pytest.approx(sum(waiting.values()), abs=1e-3)


@pytest.mark.parametrize("mb_per_hour", [-5.0, 0.0, 0.5, 40.0])
def test_a_slope_lies_in_its_interval(mb_per_hour: float) -> None:
    rng = np.random.default_rng(1)
    at_s = np.arange(1800.0)
    mb = 250 + mb_per_hour * at_s / 3600 + rng.normal(0, 0.5, len(at_s))
    mb[:300] -= 40  # what is loaded at the start is no growth
    low, high = slope_per_hour(("slope",), at_s, mb).interval or (0, 0)
    assert low <= mb_per_hour <= high
    assert high - low < 2
    few = np.arange(float(WINDOWS))
    assert slope_per_hour(("slope",), few, few).number is None


def test_memory_counts_only_live_process() -> None:
    before = own_kb(os.getpid())
    with mmap.mmap(-1, 1 << 25, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:  # fresh, of nobody before
        for _ in range(32):
            held.write(b"m" * (1 << 20))
        after = own_kb(os.getpid())
    assert before is not None
    assert after is not None
    assert 20_000 < after - before < 60_000
    assert own_kb(GONE) is None


def test_ended_process_has_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "SAMPLED_EVERY_S", 0.01)
    with sampled(lambda: {"gone": GONE, "here": os.getpid()}) as samples:
        until(lambda: "here" in samples and len(samples["here"].mb) > 1)
    assert set(samples) == {"here"}
