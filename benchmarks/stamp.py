"""What a result is worth depends on: which code, which machine, which libraries, which networks, when."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from lane.policy import Policy
from models.build import Networks
from models.ort import available_cores

ROOT = Path(__file__).parents[1]
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
LIBRARIES = ("numpy", "opencv-python-headless", *RUNTIMES)


def stamp(policy: Policy) -> dict[str, Any]:
    """Code, machine, libraries, policy and date, as JSON values; no host name and no user."""
    return {
        "date_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": cpu_model(),
        "cores": available_cores(),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": installed(LIBRARIES),
        "policy": policy.identity(),
    }


def networks(built: Networks) -> list[dict[str, str]]:
    """Role, name and SHA-256 of each network's file, and the provider that all of its nodes run on."""
    return [
        {"role": one.role, "name": one.name, "sha256": one.sha256, "provider": one.provider}
        for one in built.identities
    ]


def commit() -> dict[str, str | bool | None]:
    """The commit, and whether tracked files differ from it; null where this is no git checkout."""
    head = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {"id": head, "dirty": bool(changed) if head else None}


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as the system tells it."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def installed(names: Iterable[str]) -> dict[str, str]:
    """Versions of those distributions that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def sha256_of(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(*arguments: str) -> str | None:
    # A repository's own settings must not make git start a program: fsmonitor off, no optional locks.
    command = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
