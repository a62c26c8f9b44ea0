"""What a run measures: everything, or the least that says something, and never more than was asked for."""

import os
from pathlib import Path
from types import SimpleNamespace

import cv2
import psutil
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.cpu_affinity import bound
from benchmarks.latency.latency_command import size_of
from benchmarks.latency.measure import filesystem
from benchmarks.latency.plan import BATCHES, QUICK, SIZES, THOROUGH, Plan, one_core_to_all, plan


def test_thorough_run_covers_sizes_and_threads() -> None:
    whole = plan(8, counts=THOROUGH)
    assert whole.threads == (8, 1, 2, 4)
    assert [point.size for point in whole.points(8)] == list(SIZES)
    assert [point.size for point in whole.points(1)] == [SIZES[0]]
    assert (whole.batches[0], whole.batches[-1]) == (1, 16)


def test_a_first_look_is_one_place() -> None:
    quick = plan(8, counts=QUICK, quick=True)
    assert [quick.points(threads) for threads in quick.threads] == [quick.points(8)]
    assert len(quick.points(8)) == 1
    assert set(quick.batches) < set(BATCHES)


def test_measured_is_what_was_asked() -> None:
    asked = plan(8, counts=QUICK, sizes=[(320, 240), (640, 480)], threads=[3, 2, 3], batches=[5])
    assert asked == Plan(((320, 240), (640, 480)), (3, 2), (5,), QUICK)


def test_the_first_place_is_measured_most() -> None:
    whole = plan(2, counts=THOROUGH)
    first, *others = [point for threads in whole.threads for point in whole.points(threads)]
    assert first.counts == THOROUGH
    assert {point.counts for point in others} == {THOROUGH.fewer}
    assert 2 <= THOROUGH.fewer.passages < THOROUGH.passages


@given(st.integers(1, 512))
def test_threads_range_from_one_to_all(cores: int) -> None:
    threads = one_core_to_all(cores)
    assert threads[0] == max(threads) == cores
    assert min(threads) == 1
    assert len(set(threads)) == len(threads)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="binding to cores is Linux's")
def test_core_binding_is_undone_afterwards() -> None:
    before, threads = os.sched_getaffinity(0), cv2.getNumThreads()
    with bound(1):
        assert len(os.sched_getaffinity(0)) == 1
        assert cv2.getNumThreads() == 1
    assert (os.sched_getaffinity(0), cv2.getNumThreads()) == (before, threads)
    with bound(1000):
        assert os.sched_getaffinity(0) == before


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
