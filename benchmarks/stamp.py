"""What a result is worth depends on: which code, which machine, which libraries, which networks, when."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lane.policy import Policy
from models.build import Networks
from models.host import commit, host, versions
from models.ort import available_cores

LIBRARIES = ("numpy", "opencv-python-headless", "onnxruntime", "onnxruntime-gpu")


def stamp(policy: Policy) -> dict[str, Any]:
    """Code, machine, libraries, policy and date, as JSON values; no host name and no user."""
    return {**stamp_of(LIBRARIES), "policy": policy.identity()}


def stamp_of(libraries: tuple[str, ...]) -> dict[str, Any]:
    """Without a policy: for what compares no faces."""
    machine = host()
    return {
        "date_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": machine.cpu,
        "cores": available_cores(),
        "os": machine.os,
        "python": machine.python,
        "libraries": versions(libraries),
    }


def networks(built: Networks) -> list[dict[str, str]]:
    """Role, name and SHA-256 of each network's file, and the provider that all of its nodes run on."""
    return [
        {"role": one.role, "name": one.name, "sha256": one.sha256, "provider": one.provider}
        for one in built.identities
    ]


def sha256_of(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
