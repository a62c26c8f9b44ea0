"""Results as tables for a person to read."""

from typing import Any

from rich.console import Console
from rich.table import Table

QUANTILES = ("p50_ms", "p95_ms", "p99_ms", "max_ms")


def show_stamp(console: Console, stamp: dict[str, Any]) -> None:
    """Which code, machine and libraries, in three lines."""
    commit = stamp["commit"]
    state = "no git checkout" if commit["id"] is None else commit["id"][:12]
    state += " with changes" if commit["dirty"] else ""
    libraries = ", ".join(f"{name} {version}" for name, version in stamp["libraries"].items())
    console.print(f"{stamp['date_utc']}  commit {state}, policy {stamp['policy']['version']}", markup=False)
    console.print(f"{stamp['cpu']}, {stamp['cores']} cores, {stamp['os']}", markup=False)
    console.print(f"Python {stamp['python']}, {libraries}", markup=False)


def show_accuracy(console: Console, result: dict[str, Any]) -> None:
    """One table of rates for each matcher."""
    show_stamp(console, result["stamp"])
    for name, matcher in result["matchers"].items():
        console.print(
            f"\n{name} {matcher['sha256'][:12]}: {matcher['pictures']} pictures, "
            f"{matcher['failures_to_acquire']} failures to acquire {matcher['failures_by_cause'] or ''}",
            markup=False,
        )
        console.print(_overview(matcher))
        console.print(_thresholds(matcher))
        _show_worst(console, matcher["worst_group"])


def show_latency(console: Console, result: dict[str, Any]) -> None:
    """One table of stages for each provider, why others were not measured, and the peers."""
    stamp = result["stamp"]
    show_stamp(console, stamp)
    clock = stamp["clock"]
    console.print(f"{stamp['frames']}; {clock['function']} on {clock['source'] or clock['implementation']}")
    for name, provider in result["providers"].items():
        console.print(f"\n{name}, {provider['threads']} threads; milliseconds", markup=False)
        console.print(_stages(provider))
    for name, why in result["providers_not_measured"].items():
        console.print(f"\n{name} not measured: {why}", markup=False)
    for name, peer in result["peers"].items():
        console.print(f"\n{name}: {_beside(peer)}", markup=False)


def _stages(provider: dict[str, Any]) -> Table:
    table = Table("stage", "p50", "p95", "p99", "max", "n", box=None, pad_edge=False)
    for name, one in [*provider["stages"].items(), ("end to end", provider["end_to_end"])]:
        table.add_row(name, *(f"{one[key]:.3f}" for key in QUANTILES), str(one["n"]))
    return table


def _beside(peer: dict[str, Any]) -> str:
    if "skipped" in peer:
        return f"skipped: {peer['skipped']}"
    return (
        f"takes {peer['ratio']:.2f} times as long as the lane (median of {peer['n']} pairs, 5 to 95 %: "
        f"{peer['ratio_p5']:.2f} to {peer['ratio_p95']:.2f}; p50 {peer['p50_ms']:.1f} ms against "
        f"{peer['ours']['p50_ms']:.1f} ms), recognised the holder in {peer['recognised']}"
    )


def _overview(matcher: dict[str, Any]) -> Table:
    table = Table("", "people", "genuine", "impostor", "EER", box=None, pad_edge=False)
    for target in matcher["fnmr_at_fmr"]:
        table.add_column(f"FNMR % at FMR {target}")
    for name, group in [("all", matcher), *matcher["groups"].items()]:
        counts = [group["people"], group["genuine_pairs"], group["impostor_pairs"]]
        at = [_share(one["fnmr"]) if one else "too few" for one in group["fnmr_at_fmr"].values()]
        equal = "" if group["eer"] is None else f"{group['eer']:.2%}"
        table.add_row(name, *("?" if n is None else f"{n:,}" for n in counts), equal, *at)
    return table


def _thresholds(matcher: dict[str, Any]) -> Table:
    columns = ("threshold", "FMR %", "FNMR %", "FRR %", "worst group's FMR %", "")
    table = Table(*columns, box=None, pad_edge=False)
    for threshold, at in matcher["thresholds"].items():
        worst = matcher["worst_group"].get("thresholds", {}).get(threshold)
        told = (_share(worst["fmr"]), worst["group"]) if worst else ()
        table.add_row(threshold, _share(at["fmr"]), _share(at["fnmr"]), _share(at["frr"]), *told)
    return table


def _show_worst(console: Console, worst: dict[str, Any]) -> None:
    for target, at in worst.get("fnmr_at_fmr", {}).items():
        if at:
            each = ", ".join(f"{name} {_share(one['fnmr'])}" for name, one in at["groups"].items())
            console.print(
                f"FMR {target} in the worst group ({at['group']}): {at['threshold']}; FNMR % {each}",
                markup=False,
            )


def _share(rate: dict[str, Any]) -> str:
    if rate["rate"] is None:
        return "none"
    return f"{rate['rate'] * 100:.3g} ({rate['low'] * 100:.2g}-{rate['high'] * 100:.2g})"
