"""How many threads a network may use: a plan from what the system allows this process, and why.

Never from the host's core count alone: a container with a quota of two on a host of 64 cores ran 185 times
slower elsewhere, with 64 threads that were throttled in each period.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PROC = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the system lets this process use."""

    host_cores: int
    affinity: int
    """Cores that the scheduler may place this process on."""
    quota_cores: float | None
    """Cores' worth of time in each period, by the tightest cgroup above this process; None: no limit."""


@dataclass(frozen=True, slots=True)
class ThreadPlan:
    """Intra-op threads of each network, and the reason in one sentence."""

    threads: int
    why: str
    limits: Limits

    @property
    def crowded(self) -> bool:
        return self.threads > cores(self.limits)


def plan(limits: Limits, requested: int | None = None) -> ThreadPlan:
    """As many threads as cores may really be used; a requested number is taken as it is.

    `requested` is at least 1. A quota of 2.5 cores gives 2: a third thread would be throttled in each period.
    """
    if requested is not None:
        return ThreadPlan(requested, f"{requested} asked for; {_describe(limits)}", limits)
    return ThreadPlan(cores(limits), _describe(limits), limits)


def cores(limits: Limits) -> int:
    quota = limits.quota_cores if limits.quota_cores is not None else math.inf
    return max(1, int(min(limits.host_cores, limits.affinity, quota)))


def limits(proc: Path = PROC, root: Path = CGROUPS) -> Limits:
    """What this process may use now; a file that is missing or unreadable sets no limit."""
    host = max(1, os.cpu_count() or 1)
    # Not on every system; without it, nothing binds a process to cores.
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else host
    quotas = [quota for group in groups("cpu", proc, root) if (quota := _quota(group)) is not None]
    return Limits(host, affinity, min(quotas, default=None))


def available_cores(proc: Path = PROC, root: Path = CGROUPS) -> int:
    """Cores that this process may really use: the least of host, affinity mask and quota (v1 and v2)."""
    return cores(limits(proc, root))


def _describe(limits: Limits) -> str:
    """The tightest of the three limits, in words."""
    host = _cores(limits.host_cores)
    quota = limits.quota_cores
    if quota is not None and quota < min(limits.affinity, limits.host_cores):
        return f"a quota of {quota:g} on a host of {host}"
    if limits.affinity < limits.host_cores:
        return f"bound to {_cores(limits.affinity)} of a host of {limits.host_cores}"
    return f"all of a host of {host}: no quota below that and no affinity mask"


def _cores(count: int) -> str:
    return f"{count} core" if count == 1 else f"{count} cores"


def groups(controller: str, proc: Path = PROC, root: Path = CGROUPS) -> Iterator[Path]:
    """Every cgroup directory above this process that a controller, such as `cpu`, may limit: each binds."""
    try:
        lines = proc.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        # A path that leaves the namespace is out of sight; the namespace's own root is not.
        group = PurePosixPath(path.lstrip("/")) if ".." not in path else PurePosixPath()
        # v1 hangs by its controllers; v2 at the root or, beside v1, below it
        for base in (root / controller, root / controllers) if controllers else (root, root / "unified"):
            yield from (base / level for level in (group, *group.parents))


def _quota(group: Path) -> float | None:
    """Cores that this cgroup may use; None where it sets no limit."""
    try:
        if (v2 := group / "cpu.max").exists():
            quota, period = v2.read_text(encoding="ascii").split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (group / "cpu.cfs_period_us").read_text(encoding="ascii")
        share = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # no file, or "max", or a name that no file can have
    return share if math.isfinite(share) and share > 0 else None
