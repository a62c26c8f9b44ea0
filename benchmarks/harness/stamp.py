"""What a result is worth depends on: which code, which machine, which libraries, which networks, when."""

import dataclasses
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness.result import Commit, Network, PolicyIdentity, Stamp
from benchmarks.harness.timing import clock
from lane.decision.policy import Policy
from models.networks.build import Networks
from models.runtime.machine import commit, host, versions
from models.runtime.providers import installed_runtimes
from models.runtime.threads import limits, plan

LIBRARIES = ("numpy", "opencv-python-headless", "onnxruntime-ep-openvino")


def stamp(
    policy: Policy | None = None,
    built: Networks | None = None,
    *,
    threads: int | None = None,
    libraries: tuple[str, ...] = LIBRARIES,
) -> Stamp:
    """Code, machine, libraries, clock and date; no host name and no user.

    With the policy and the networks that took part, if any did, and the arithmetic of the lane's own matcher.
    `threads` are those that were asked for; None: as many as cores may be used.
    """
    planned = plan(limits(), threads)
    return Stamp(
        date_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=Commit.model_validate(commit()),
        **dataclasses.asdict(host()),
        cores=plan(planned.limits).threads,
        host_cores=planned.limits.host_cores,
        affinity=planned.limits.affinity,
        quota_cores=planned.limits.quota_cores,
        threads=planned.threads,
        threads_asked=threads,
        libraries=installed_runtimes() | versions(libraries),
        clock=clock(),
        policy=None if policy is None else PolicyIdentity.model_validate(policy.identity()),
        networks=() if built is None else networks(built),
        arithmetic=None if built is None else built.embedder.arithmetic,
    )


def networks(built: Networks) -> tuple[Network, ...]:
    return tuple(Network.model_validate(one, from_attributes=True) for one in built.identities)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sha256_of_all(names: Iterable[str], root: Path) -> str:
    """Over the names and the contents of these files, in this order."""
    lines = "".join(f"{sha256_of(root / name)}  {name}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()
