"""The machine and what it allows are read from the system's own files; what they do not say is left out.

The plan follows quota, affinity mask and host, in this order of doubt.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.runtime.machine import FEATURES, host, memory_limit, vendor
from models.runtime.threads import Limits, available_cores, cores, limits, plan

ALLOWED = min(len(os.sched_getaffinity(0)), os.cpu_count() or 1)
COUNTS = st.integers(1, 512)
QUOTAS = st.none() | st.floats(1e-6, 1e6)


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def machine(folder: Path, cgroups: str, files: dict[str, str]) -> tuple[Path, Path]:
    return written(folder, {"cgroup": cgroups}) / "cgroup", written(folder / "sys", files)


def v1(controllers: str, quota: str) -> dict[str, str]:
    return {
        f"{controllers}/a/cpu.cfs_quota_us": quota,
        f"{controllers}/a/cpu.cfs_period_us": "100000\n",
    }


@pytest.mark.parametrize(
    ("cgroups", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "100000 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/../b\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/a\n", {"a/cpu.max": "max 100000\n"}, ALLOWED),
        ("0::/a\n", {"a/cpu.max": "99900000 100000\n"}, ALLOWED),
        ("1:cpu:/a\n0::/a\n", {"unified/a/cpu.max": "100000 100000\n"}, 1),
        ("4:cpu,cpuacct:/a\n", v1("cpu", "100000\n"), 1),
        ("4:cpu,cpuacct:/a\n", v1("cpu,cpuacct", "100000\n"), 1),
        ("4:cpu,cpuacct:/a\n", v1("cpu", "-1\n"), ALLOWED),
        ("5:memory:/a\n", v1("cpu", "100000\n"), ALLOWED),
        ("0::/a\n", {"a/cpu.max": "nonsense\n"}, ALLOWED),
        ("0::/a\n", {"a/cpu.max": "100000 nan\n"}, ALLOWED),
        ("0::/a\n", {"a/cpu.max": "100000 0\n"}, ALLOWED),
        ("nonsense\n", {}, ALLOWED),
        ("0::/a\n", {}, ALLOWED),
    ],
)
def test_cores_follow_quota_and_affinity(
    tmp_path: Path, cgroups: str, files: dict[str, str], expected: int
) -> None:
    assert available_cores(*machine(tmp_path, cgroups, files)) == expected


def test_without_cgroups_affinity_mask_counts(tmp_path: Path) -> None:
    assert available_cores(tmp_path / "none", tmp_path / "none") == ALLOWED


def test_one_allowed_core_is_one_thread() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from models.runtime.threads import limits, plan; print(plan(limits()).threads)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "1"


@given(COUNTS, COUNTS, QUOTAS)
def test_plan_keeps_limits_and_a_thread(host: int, affinity: int, quota: float | None) -> None:
    made = plan(Limits(host, affinity, quota))
    assert 1 <= made.threads <= min(host, affinity)
    assert quota is None or made.threads <= max(1, quota)
    assert not made.crowded


@given(COUNTS, COUNTS, QUOTAS)
def test_tighter_limit_never_adds_threads(host: int, affinity: int, quota: float | None) -> None:
    loose = Limits(host, affinity, quota)
    tighter = [
        Limits(max(1, host - 1), affinity, quota),
        Limits(host, max(1, affinity - 1), quota),
        Limits(host, affinity, 1.0 if quota is None else quota / 2),
    ]
    assert all(cores(one) <= cores(loose) for one in tighter)


@given(st.text(), st.text(), st.text())
def test_any_system_files_give_plan(cgroups: str, v2: str, v1: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = {"cpu.max": v2, "cpu/cpu.cfs_quota_us": v1, "cpu/cpu.cfs_period_us": v2}
        found = limits(*machine(Path(folder), f"0::/\n3:cpu:/\n{cgroups}", files))
    assert 1 <= plan(found).threads <= ALLOWED


@pytest.mark.parametrize(
    ("found", "asked", "threads", "why"),
    [
        (Limits(64, 64, 2.5), None, 2, "a quota of 2.5 on a host of 64 cores"),
        (Limits(64, 4, 8.0), None, 4, "bound to 4 cores of a host of 64"),
        (Limits(64, 1, None), None, 1, "bound to 1 core of a host of 64"),
        (Limits(2, 2, None), None, 2, "all of a host of 2 cores: no quota below that and no affinity mask"),
        (Limits(64, 64, 2.0), 8, 8, "8 asked for; a quota of 2 on a host of 64 cores"),
    ],
)
def test_a_plan_says_why(found: Limits, asked: int | None, threads: int, why: str) -> None:
    made = plan(found, asked)
    assert (made.threads, made.why) == (threads, why)
    assert made.crowded == (asked == 8)


CPUINFO = """processor\t: 0
vendor_id\t: Somebody
model name\t: Some Processor 9000
flags\t\t: fpu avx2 fma amx_bf16 something_new

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""


def test_host_is_told_as_far_as_it_is_known(tmp_path: Path) -> None:
    """By its processor, and NVIDIA's devices alone."""
    devices = written(tmp_path, dict.fromkeys(("nvidia0", "nvidia1", "nvidiactl", "null"), ""))
    cpuinfo = written(tmp_path, {"cpuinfo": CPUINFO}) / "cpuinfo"
    found, bare = host(cpuinfo, devices), host(tmp_path / "none", tmp_path / "none")
    assert (found.cpu, found.gpus) == ("Some Processor 9000", 2)
    assert found.features == ("avx2", "fma", "amx_bf16")
    assert (vendor(cpuinfo), vendor(tmp_path / "none")) == ("Somebody", "")
    assert (bare.features, bare.gpus) == ((), 0)
    assert bare.memory_bytes > 1 << 28
    assert bare.python


def driver(running: list[str], fails: str) -> SimpleNamespace:
    """Answers as `pynvml` does on a machine with two GPUs, or fails at one of its functions."""

    def fail(*_: object) -> NoReturn:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN)

    functions: dict[str, Callable[..., object]] = {
        "nvmlInit": lambda: running.append("driver"),
        "nvmlShutdown": running.pop,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetName": lambda handle: f"NVIDIA H100 number {handle}",
        "nvmlSystemGetDriverVersion": lambda: "570.86.15",
    }
    return SimpleNamespace(NVMLError=pynvml.NVMLError, **{**functions, fails: fail})


TWO = ("NVIDIA H100 number 0", "NVIDIA H100 number 1"), "570.86.15"


@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        ("nothing", TWO),
        *((name, ((), None)) for name in ("nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetName")),
    ],
)
def test_nvidia_devices_are_named_or_left_out(
    fails: str, expected: tuple[object, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[str] = []
    monkeypatch.setitem(sys.modules, "pynvml", driver(running, fails))
    found = host()
    assert (found.gpu_models, found.gpu_driver) == expected
    assert running == []


@pytest.mark.parametrize(
    ("cgroups", "files", "expected"),
    [
        (
            "5:memory:/a/b\n",
            {
                "memory/a/b/memory.limit_in_bytes": "2000000000",
                "memory/a/memory.limit_in_bytes": "1000000000",
                "memory/memory.limit_in_bytes": str((1 << 63) - 4096),
            },
            1000000000,
        ),
        ("0::/\n", {"memory.max": "max\n"}, None),
    ],
)
def test_tightest_memory_limit_counts(
    tmp_path: Path, cgroups: str, files: dict[str, str], expected: int | None
) -> None:
    assert memory_limit(*machine(tmp_path, cgroups, files)) == expected


@given(st.text())
def test_any_system_files_give_host(cpuinfo: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = host(written(Path(folder), {"cpuinfo": cpuinfo}) / "cpuinfo")
    assert set(found.features) <= set(FEATURES)
    assert found.cpu
