from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from models.networks.doctor import Findings, Health


def findings_json(found: Findings) -> dict[str, Any]:
    return {
        "well": found.well,
        "machine": {
            "cpu": found.host.cpu,
            "features": list(found.host.features),
            "memory_bytes": found.host.memory_bytes,
            "memory_limit_bytes": found.host.memory_limit_bytes,
            "nvidia_gpus": found.host.gpus,
            "os": found.host.os,
            "python": found.host.python,
        },
        "threads": {
            "threads": found.plan.threads,
            "why": found.plan.why,
            "host_cores": found.plan.limits.host_cores,
            "affinity": found.plan.limits.affinity,
            "quota_cores": found.plan.limits.quota_cores,
        },
        "runtimes": found.runtimes,
        "libraries": found.libraries,
        "providers": {"available": list(found.providers), "asked_for": found.provider},
        "denormals_flushed": found.denormals_flushed,
        "bf16": {"native": found.bf16 or None, "problem": found.bf16_problem or None},
        "networks": [_health_json(one) for one in found.networks],
        "problems": list(found.problems),
        "advice": list(found.advice),
    }


def _health_json(one: Health) -> dict[str, Any]:
    return {
        "role": one.spec.role,
        "name": one.spec.name,
        "use": one.spec.use,
        "sha256": one.spec.sha256,
        "state": one.state,
        "provider": one.provider or None,
        "nodes": one.nodes or None,
        "load_ms": _rounded(one.load_ms),
        "run_ms": _rounded(one.run_ms),
        "run_shape": list(one.shape) if one.run_ms is not None else None,
        "golden_drift": _rounded(one.drift, 6),
        "golden_passed": one.drift is not None,
        "problem": one.problem or None,
    }


def show_findings(found: Findings, out: Console) -> None:
    if not out.is_terminal:
        out.width = 140  # a file has no width, and a table that is cut says less
    table = Table.grid(padding=(0, 2))
    for name, text in _facts(found):
        table.add_row(name, text)
    out.print(table)
    out.print()
    out.print(_networks_table(found.networks))
    out.print()
    for problem in found.problems:
        out.print(f"problem  {problem}", markup=False)
    for advice in found.advice:
        out.print(f"advice   {advice}", markup=False)
    if found.well:
        out.print(f"A lane's networks would start on {found.provider}.", markup=False)


def _facts(found: Findings) -> Iterable[tuple[str, str]]:
    yield "machine", f"{found.host.cpu}; {' '.join(found.host.features) or 'no known features'}"
    yield "memory", _memory(found)
    yield "gpus", f"{found.host.gpus} of NVIDIA" if found.host.gpus else "none of NVIDIA"
    yield "system", f"{found.host.os}, Python {found.host.python}"
    yield "threads", f"{found.plan.threads}: {found.plan.why}"
    runtimes = ", ".join(f"{name} {version}" for name, version in found.runtimes.items())
    yield "runtime", runtimes or "none is installed"
    yield "libraries", ", ".join(f"{name} {version}" for name, version in found.libraries.items())
    yield "providers", f"{', '.join(found.providers) or 'none'}; asked for: {found.provider}"
    yield "bfloat16", f"{found.bf16 or 'none'}: {found.bf16_problem or 'a matcher can run in it'}"
    yield "denormals", "flushed" if found.denormals_flushed else "not flushed: unknown processor or C library"


def _memory(found: Findings) -> str:
    whole, limit = found.host.memory_bytes, found.host.memory_limit_bytes
    memory = f"{whole / 2**30:.1f} GiB"
    return f"{memory}, limited to {limit / 2**30:.1f} GiB" if limit is not None else f"{memory}, no limit"


def _networks_table(networks: Sequence[Health]) -> Table:
    table = Table("role", box=None, pad_edge=False, padding=(0, 1))
    longest = max((len(one.spec.name) for one in networks), default=0)
    table.add_column("network", no_wrap=True, overflow="fold", min_width=longest)
    for heading in ("file", "nodes on", "load", "run", "known face"):
        table.add_column(heading)
    for one in networks:
        table.add_row(
            one.spec.role if one.needed else f"{one.spec.role} ({one.spec.use})",
            one.spec.name,
            one.state,
            f"{one.provider.removesuffix('ExecutionProvider')} {one.nodes}/{one.nodes}"
            if one.provider
            else "–",
            _ms(one.load_ms),
            _ms(one.run_ms),
            _known_face(one),
        )
    return table


def _known_face(one: Health) -> str:
    if one.drift is None:
        return "WRONG" if one.provider else "not asked"
    return f"off by {one.drift:.0e}"


def _ms(value: float | None) -> str:
    return f"{value:.{1 if value < 100 else 0}f} ms" if value is not None else "–"


def _rounded(value: float | None, digits: int = 4) -> float | None:
    """Null where there is no number, or none that JSON knows."""
    return round(value, digits) if value is not None and abs(value) < float("inf") else None
