"""`limit`: how near to what the machine can do."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.harness import result_file
from benchmarks.harness.options import Json, Threads
from benchmarks.harness.output import tell

QUICK, THOROUGH = 20, 150
BAR = 20


def limit(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} turns: a first look.")] = False,
    turns: Annotated[
        int | None, typer.Option(min=2, help=f"How often everything is timed; {THOROUGH} if not given.")
    ] = None,
    threads: Threads = None,
    provider: Annotated[str, typer.Option(help="Where the networks run.")] = "CPUExecutionProvider",
) -> None:
    """Measure how near each network comes to what this machine can do at all, and what the lane adds to it.

    The machine's ceilings are a large matrix product and a copy of memory, on as many threads. Of each graph
    the floating-point operations and the bytes are counted; at the ceilings they would take a certain time,
    and its share of the time really taken is told: 100 % cannot be beaten. The overhead is a lane's whole
    work on a frame, without its networks. All in turns, so that a busy machine slows all of them.

    Example: python -m benchmarks limit --threads 1 --quick
    """
    from benchmarks.limits.measure import measure  # noqa: PLC0415  --help loads no network's library

    result_file.must_be_writable(json_out)
    tell(measure(turns or (QUICK if quick else THOROUGH), threads, provider), json_out, show_limit)


def show_limit(console: Console, result: dict[str, Any]) -> None:
    """Ceilings, a line for each graph and each stage, and the overhead."""
    from benchmarks.report.tables import show_stamp  # noqa: PLC0415  --help loads no network's library

    show_stamp(console, result["stamp"])
    console.print(f"\n{result['provider']}, {result['threads']} threads", markup=False)
    _show_ceilings(console, result["ceilings"])
    columns = (
        "graph",
        "input",
        "GFLOP",
        "MB",
        "ms",
        "GFLOP/s",
        "of the peak",
        "",
        "of the limit",
        "bound by",
    )
    table = Table(*columns, box=None, pad_edge=False)
    for graph in result["graphs"]:
        table.add_row(*_graph(graph))
    console.print(table)
    stages = Table("stage", "ms", "bare ms", "at the limit ms", "of the limit", "", box=None, pad_edge=False)
    for name, stage in result["stages"].items():
        share = stage["share_of_limit"]
        limits = (
            (f"{stage['limit_ms']:.3f}", _share(share), bar(share["ratio"]))
            if share
            else ("", "no graph", "")
        )
        bare = f"{stage['bare_ms']:.3f}" if share else ""
        stages.add_row(name, f"{stage['time']['p50_ms']:.3f}", bare, *limits)
    console.print(stages)
    overhead = result["overhead"]
    low, high = (end - 1 for end in overhead["interval"])
    console.print(
        f"the lane adds {overhead['ratio'] - 1:.1%} ({low:.1%} to {high:.1%}) to its bare graphs: "
        f"{overhead['whole']['p50_ms']:.1f} ms against {overhead['bare']['p50_ms']:.1f} ms a frame",
        markup=False,
    )


def _show_ceilings(console: Console, ceilings: dict[str, Any]) -> None:
    for name, rate in ceilings["float32_gflop_per_s"].items():
        console.print(f"float32 product by {name}: {rate['p50']:.1f} GFLOP/s (best {rate['best']:.1f})")
    for name, rate in ceilings["reduced_gop_per_s"].items():
        console.print(f"{name} product: {rate['p50']:.1f} G operations/s (best {rate['best']:.1f})")
    for name, why in ceilings["not_measured"].items():
        console.print(f"{name} product {why}", markup=False)
    copy = ceilings["copy_gb_per_s"]
    console.print(f"copy, read and written: {copy['p50']:.1f} GB/s (best {copy['best']:.1f})")


def _graph(graph: dict[str, Any]) -> tuple[str, ...]:
    at_least = ">" if graph["not_counted"] else ""
    name = graph["network"] + "".join(f" (without {operator})" for operator in graph["not_counted"])
    return (
        name,
        "x".join(str(size) for size in graph["input"]),
        f"{at_least}{graph['products_gflop']:.3f}",
        f"{graph['least_mb']:.1f}",
        f"{graph['time']['p50_ms']:.3f}",
        f"{graph['gflop_per_s']:.1f}",
        _share(graph["share_of_peak"]),
        bar(graph["share_of_peak"]["ratio"]),
        _share(graph["share_of_limit"]),
        graph["bound_by"],
    )


def _share(share: dict[str, Any]) -> str:
    low, high = share["interval"]
    return f"{share['ratio']:.0%} ({low:.0%}-{high:.0%})"


def bar(share: float) -> str:
    """A share from 0 to 1 as a bar."""
    full = round(min(max(share, 0.0), 1.0) * BAR)
    return "█" * full + "░" * (BAR - full)
