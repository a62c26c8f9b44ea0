"""What this machine is, as far as a network's speed depends on it; no host name and no user."""

import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from models.runtime.threads import CGROUPS, PROC, groups

ROOT = Path(__file__).parents[2]
CPUINFO = Path("/proc/cpuinfo")
DEVICES = Path("/dev")

FEATURES = (
    *("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve"),
)
"""What a runtime's kernels ask the processor for; of Intel and AMD, then of Arm."""

LIBRARIES = ("numpy", "opencv-python-headless", "onnx", "onnxruntime-ep-openvino")


@dataclass(frozen=True, slots=True)
class Host:
    cpu: str
    features: tuple[str, ...]
    memory_bytes: int
    """Of the machine."""
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


def host(cpuinfo: Path = CPUINFO, devices: Path = DEVICES) -> Host:
    """This machine; what cannot be read is left out."""
    gpu_models, gpu_driver = _gpus()
    return Host(
        cpu=_first(_read(cpuinfo), ("model name",)) or platform.processor() or platform.machine(),
        features=features(cpuinfo),
        memory_bytes=psutil.virtual_memory().total,
        memory_limit_bytes=memory_limit(),
        gpus=sum(1 for _ in devices.glob("nvidia[0-9]*")),
        gpu_models=gpu_models,
        gpu_driver=gpu_driver,
        os=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
    )


def features(cpuinfo: Path = CPUINFO) -> tuple[str, ...]:
    """Those of `FEATURES` that this processor has."""
    flags = set(_first(_read(cpuinfo), ("flags", "Features")).split())
    return tuple(name for name in FEATURES if name in flags)


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


def _gpus() -> tuple[tuple[str, ...], str | None]:
    """NVIDIA's, by name, and their driver's version; neither where there is no driver that answers."""
    import pynvml  # noqa: PLC0415  a lane that starts asks for the processor alone

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return (), None
    try:
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return tuple(map(pynvml.nvmlDeviceGetName, handles)), pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError:
        return (), None
    finally:
        pynvml.nvmlShutdown()


def _first(text: str, keys: tuple[str, ...]) -> str:
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
