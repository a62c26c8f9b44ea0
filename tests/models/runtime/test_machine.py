"""The machine is described from the system's own files; what they do not say is left out."""

import sys
import tempfile
from pathlib import Path

import pynvml
import pytest
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
    (cpuinfo,) = written(tmp_path, cpuinfo=CPUINFO)
    found = host(cpuinfo)
    assert found.cpu == "Some Processor 9000"
    assert found.features == ("avx2", "fma", "amx_bf16")
    assert (vendor(cpuinfo), vendor(tmp_path / "none")) == ("Somebody", "")


def test_only_nvidia_devices_are_counted(tmp_path: Path) -> None:
    written(tmp_path, nvidia0="", nvidia1="", nvidiactl="", null="")
    assert host(devices=tmp_path).gpus == 2


class Driver:
    """Answers as `pynvml` does on a machine with two GPUs, or fails at one of its functions."""

    NVMLError = pynvml.NVMLError

    def __init__(self, fails: str = "") -> None:
        self.fails, self.running = fails, 0

    def _answer(self, function: str, answer: object) -> object:
        if function == self.fails:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN)
        return answer

    def nvmlInit(self) -> None:  # noqa: N802  NVML's own names
        self._answer("nvmlInit", None)
        self.running += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.running -= 1

    def nvmlDeviceGetCount(self) -> object:  # noqa: N802
        return self._answer("nvmlDeviceGetCount", 2)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:  # noqa: N802
        return number

    def nvmlDeviceGetName(self, handle: int) -> object:  # noqa: N802
        return self._answer("nvmlDeviceGetName", f"NVIDIA H100 number {handle}")

    def nvmlSystemGetDriverVersion(self) -> object:  # noqa: N802
        return "570.86.15"


TWO = ("NVIDIA H100 number 0", "NVIDIA H100 number 1"), "570.86.15"


@pytest.mark.parametrize(
    ("fails", "expected"),
    [("", TWO), *((name, ((), None)) for name in ("nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetName"))],
)
def test_nvidia_devices_are_named_or_left_out(
    fails: str, expected: tuple[object, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver := Driver(fails))
    found = host()
    assert (found.gpu_models, found.gpu_driver) == expected
    assert driver.running == 0


def test_bare_system_still_has_host(tmp_path: Path) -> None:
    found = host(tmp_path / "none", tmp_path / "none")
    assert (found.features, found.gpus) == ((), 0)
    assert found.memory_bytes > 1 << 28
    assert found.python


def test_tightest_memory_limit_counts(tmp_path: Path) -> None:
    (proc,) = written(tmp_path, cgroup="5:memory:/a/b\n")
    for group, limit in (("a/b", "2000000000"), ("a", "1000000000"), (".", str((1 << 63) - 4096))):
        (tmp_path / "sys" / "memory" / group).mkdir(parents=True, exist_ok=True)
        written(tmp_path / "sys" / "memory" / group, **{"memory.limit_in_bytes": limit})
    assert memory_limit(proc, tmp_path / "sys") == 1000000000
    (proc,) = written(tmp_path, cgroup="0::/\n")
    written(tmp_path / "sys", **{"memory.max": "max\n"})
    assert memory_limit(proc, tmp_path / "sys") is None


@given(st.text())
def test_any_system_files_give_host(cpuinfo: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = host(*written(Path(folder), cpuinfo=cpuinfo))
    assert set(found.features) <= set(FEATURES)
    assert found.cpu
