"""A lane that looks at a camera for minutes: the form of what is told, and slopes that are right."""

import json
import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.capacity.memory_growth import WINDOWS, Kept, own_kb, sampled, slope_per_hour
from tests.support.benchmarks.command_line import run


@pytest.mark.thorough
def test_a_short_run_tells_frames_times_and_memory(photos: Path, tmp_path: Path) -> None:
    assert photos.is_dir()
    done = run("soak", "--minutes", "0.05", "--threads", "1", "--json", str(tmp_path / "soak.json"))
    assert done.returncode == 0, done.stderr
    assert "passed over" in done.stdout
    told = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    frames = told["frames"]
    assert frames["came"] >= frames["looked_at"] > 0
    assert frames["lost"] >= 0
    assert frames["spoilt"] == frames["reconnects"] == 0
    assert sum(told["outcomes"].values()) > 0
    for spread in (told["work"], told["age"]):
        assert 0 < spread["p50_ms"] <= spread["p99_ms"] <= spread["max_ms"]
    assert set(told["memory"]) == {"lane", "reader"}


@pytest.mark.parametrize("mb_per_hour", [-5.0, 0.0, 0.5, 40.0])
def test_a_slope_lies_in_its_interval(mb_per_hour: float) -> None:
    rng = np.random.default_rng(1)
    at_s = np.arange(1800.0)
    mb = 250 + mb_per_hour * at_s / 3600 + rng.normal(0, 0.5, len(at_s))
    mb[:300] -= 40  # what is loaded at the start is no growth
    told = slope_per_hour(at_s, mb)
    assert told is not None
    assert told["low"] <= mb_per_hour <= told["high"]
    assert told["high"] - told["low"] < 2


def test_too_few_samples_tell_no_slope() -> None:
    assert slope_per_hour(np.arange(float(WINDOWS)), np.arange(float(WINDOWS))) is None


def test_memory_is_that_of_the_process_and_none_of_one_that_ended() -> None:
    before = own_kb(os.getpid())
    with mmap.mmap(-1, 1 << 25, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:  # fresh, of nobody before
        for _ in range(32):
            held.write(b"m" * (1 << 20))
        after = own_kb(os.getpid())
    assert before is not None
    assert after is not None
    assert 20_000 < after - before < 60_000
    with sampled({"gone": lambda: None, "never": lambda: 2**22 + 1}, 1) as samples:
        pass
    assert samples["gone"].told() == samples["never"].told() == {"samples": 0}


def test_who_measures_growth_keeps_numbers_in_memory_that_does_not_grow() -> None:
    kept = Kept(3)
    for number in range(5):
        kept.add(number)
    assert kept.values.tolist() == [0, 1, 2]
