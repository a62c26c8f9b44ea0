"""The machine is told from the system's own files; what they do not say is left out."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from models.runtime.machine import FEATURES, host, memory_limit, vendor

CPUINFO = """processor\t: 0
vendor_id\t: Somebody
model name\t: Some Processor 9000
flags\t\t: fpu avx2 fma amx_bf16 something_new

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""


def written(folder: Path, **texts: str) -> list[Path]:
    paths = []
    for name, text in texts.items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def test_processor_is_told_with_features(tmp_path: Path) -> None:
    """By its name and by what kernels ask for."""
    found = host(*written(tmp_path, cpuinfo=CPUINFO, meminfo="MemTotal:       16384 kB\nMemFree: 1 kB\n"))
    assert found.cpu == "Some Processor 9000"
    assert found.features == ("avx2", "fma", "amx_bf16")
    assert found.memory_bytes == 16384 * 1024


def test_processor_maker_is_told_if_known(tmp_path: Path) -> None:
    """Where the system tells it."""
    (cpuinfo,) = written(tmp_path, cpuinfo=CPUINFO)
    assert vendor(cpuinfo) == "Somebody"
    assert vendor(tmp_path / "none") == ""


def test_only_nvidia_devices_are_counted(tmp_path: Path) -> None:
    """Its control files are not."""
    written(tmp_path, nvidia0="", nvidia1="", nvidiactl="", null="")
    assert host(devices=tmp_path).gpus == 2
    assert host(devices=tmp_path / "none").gpus == 0


def test_nvidia_devices_are_named_with_driver(tmp_path: Path) -> None:
    for place in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / place).mkdir(parents=True)
        written(tmp_path / "gpus" / place, information="Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 0\n")
    version = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release\nGCC: 12.3.0\n"
    written(tmp_path, version=version)
    found = host(nvidia=tmp_path)
    assert found.gpu_models == ("NVIDIA H100 80GB HBM3",) * 2
    assert found.gpu_driver == "570.86.15"
    absent = host(nvidia=tmp_path / "none")
    assert (absent.gpu_models, absent.gpu_driver) == ((), None)


def test_bare_system_still_has_host(tmp_path: Path) -> None:
    """A system without these files."""
    found = host(tmp_path / "none", tmp_path / "none")
    assert found.features == ()
    assert found.memory_bytes is None
    assert found.python


def test_tightest_memory_limit_counts(tmp_path: Path) -> None:
    """The huge number of cgroup v1 is no limit."""
    (proc,) = written(tmp_path, cgroup="5:memory:/a/b\n")
    for group, limit in (("a/b", "2000000000"), ("a", "1000000000"), (".", str((1 << 63) - 4096))):
        (tmp_path / "sys" / "memory" / group).mkdir(parents=True, exist_ok=True)
        written(tmp_path / "sys" / "memory" / group, **{"memory.limit_in_bytes": limit})
    assert memory_limit(proc, tmp_path / "sys") == 1000000000
    (proc,) = written(tmp_path, cgroup="0::/\n")
    written(tmp_path / "sys", **{"memory.max": "max\n"})
    assert memory_limit(proc, tmp_path / "sys") is None


@given(st.text(), st.text())
def test_any_system_files_give_host(cpuinfo: str, meminfo: str) -> None:
    """Whatever they say."""
    with tempfile.TemporaryDirectory() as folder:
        found = host(*written(Path(folder), cpuinfo=cpuinfo, meminfo=meminfo))
    assert set(found.features) <= set(FEATURES)
    assert found.cpu
