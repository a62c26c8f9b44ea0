"""What this machine is, as far as a network's speed depends on it; no host name and no user."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from models.runtime.threads import CGROUPS, PROC, groups

ROOT = Path(__file__).parents[2]
CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")
DEVICES = Path("/dev")
NVIDIA = Path("/proc/driver/nvidia")

FEATURES = (
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimdhp",
    "asimddp",
    "bf16",
    "i8mm",
    "sve",
)
"""What a runtime's kernels ask the processor for; of Intel and AMD, then of Arm."""

LIBRARIES = ("numpy", "opencv-python-headless", "onnx", "onnxruntime-ep-openvino")


@dataclass(frozen=True, slots=True)
class Host:
    """Processor, memory and system."""

    cpu: str
    features: tuple[str, ...]
    memory_bytes: int | None
    """Of the machine; None where the system does not tell."""
    memory_limit_bytes: int | None
    """Of the tightest cgroup above this process; None: no limit."""
    gpus: int
    """NVIDIA devices that the driver shows."""
    gpu_models: tuple[str, ...]
    """As the driver names them; fewer than `gpus` where it does not tell."""
    gpu_driver: str | None
    """Its version; None where there is none."""
    os: str
    python: str


def host(
    cpuinfo: Path = CPUINFO, meminfo: Path = MEMINFO, devices: Path = DEVICES, nvidia: Path = NVIDIA
) -> Host:
    """This machine; what cannot be read is left out."""
    facts = _read(cpuinfo)
    flags = set(_first(facts, ("flags", "Features")).split())
    return Host(
        cpu=_first(facts, ("model name",)) or platform.processor() or platform.machine(),
        features=tuple(name for name in FEATURES if name in flags),
        memory_bytes=_memory(_read(meminfo)),
        memory_limit_bytes=memory_limit(),
        gpus=sum(1 for _ in devices.glob("nvidia[0-9]*")),
        gpu_models=_gpu_models(nvidia),
        gpu_driver=_gpu_driver(nvidia),
        os=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
    )


def vendor(cpuinfo: Path = CPUINFO) -> str:
    """Who made this processor, such as `GenuineIntel` or `AuthenticAMD`; empty where it does not tell."""
    return _first(_read(cpuinfo), ("vendor_id",))


def memory_limit(proc: Path = PROC, root: Path = CGROUPS) -> int | None:
    """Bytes that the tightest cgroup above this process allows; None where none sets a limit."""
    limits = []
    for group in groups("memory", proc, root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _read(group / name).strip()
            # cgroup v1 says "no limit" as a number near 2^63
            if text.isdecimal() and 0 < int(text) < 1 << 60:
                limits.append(int(text))
    return min(limits, default=None)


def versions(names: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Versions of those distributions that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> dict[str, str | bool | None]:
    """The commit, and whether tracked files differ from it; null where this is no git checkout."""
    head = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {"id": head, "dirty": bool(changed) if head else None}


def _git(*arguments: str) -> str | None:
    # A repository's own settings must not make git start a program: fsmonitor off, no optional locks.
    command = ["git", "-C", str(ROOT), "-c", "core.fsmonitor=false", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  no shell, and only the words above
            command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _gpu_models(nvidia: Path) -> tuple[str, ...]:
    named = (_first(_read(path), ("Model",)) for path in sorted(nvidia.glob("gpus/*/information")))
    return tuple(model for model in named if model)


def _gpu_driver(nvidia: Path) -> str | None:
    """Of `NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan …`, the number."""
    found = re.search(r"\b\d{2,4}(?:\.\d+)+\b", _first(_read(nvidia / "version"), ("NVRM version",)))
    return found.group() if found else None


def _memory(meminfo: str) -> int | None:
    amount = _first(meminfo, ("MemTotal",)).removesuffix(" kB")
    return int(amount) * 1024 if amount.isdecimal() else None


def _first(text: str, keys: tuple[str, ...]) -> str:
    """The value of the first `key: value` line with one of these keys; empty where there is none."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in keys:
            return value.strip()
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
