"""What a result is worth depends on: which code, which machine, which libraries, which networks, when."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.harness.timing import clock
from lane.decision.policy import Policy
from models.networks.build import Networks
from models.runtime.machine import Host, commit, host, versions
from models.runtime.providers import installed_runtimes
from models.runtime.threads import limits, plan

LIBRARIES = ("numpy", "opencv-python-headless", "onnxruntime-ep-openvino")


def stamp(
    policy: Policy | None = None,
    built: Networks | None = None,
    *,
    threads: int | None = None,
    libraries: tuple[str, ...] = LIBRARIES,
) -> dict[str, Any]:
    """Code, machine, libraries, clock and date as JSON values; no host name and no user.

    With the policy and the networks that took part, if any did: what has none compares no faces. In which
    arithmetic the lane's own matcher ran is told with them. `threads`
    are those that were asked for; None: as many as cores may be used.
    """
    planned = plan(limits(), threads)
    told: dict[str, Any] = {
        "date_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        **_machine(host()),
        "cores": plan(planned.limits).threads,
        "host_cores": planned.limits.host_cores,
        "affinity": planned.limits.affinity,
        "quota_cores": planned.limits.quota_cores,
        "threads": planned.threads,
        "threads_asked": threads,
        "libraries": installed_runtimes() | versions(libraries),
        "clock": clock(),
    }
    if policy is not None:
        told["policy"] = policy.identity()
    if built is not None:
        told |= {"networks": networks(built), "arithmetic": built.embedder.arithmetic}
    return told


def _machine(one: Host) -> dict[str, Any]:
    return {
        "cpu": one.cpu,
        "features": list(one.features),
        "memory_bytes": one.memory_bytes,
        "memory_limit_bytes": one.memory_limit_bytes,
        "gpus": one.gpus,
        "gpu_models": list(one.gpu_models),
        "gpu_driver": one.gpu_driver,
        "os": one.os,
        "python": one.python,
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
