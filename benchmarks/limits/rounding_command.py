"""`rounding`: what bfloat16 is worth."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.harness import result_file
from benchmarks.harness.options import Json, Threads
from benchmarks.harness.output import tell

QUICK, THOROUGH = 30, 300


def rounding(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} turns: a first look.")] = False,
    turns: Annotated[
        int | None, typer.Option(min=2, help=f"How often each is timed; {THOROUGH} if not given.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Time the lane's matcher in fp32 on the CPU, in fp32 on OpenVINO and in bfloat16 there, in turns.

    Of one crop and of two at once, which a template takes. Told is how long a call takes, and how many times
    as fast as fp32 on the CPU each is, turn by turn, so that a busy machine slows all of them. What does not
    run here is named, with the reason. `accuracy --matcher NAME --matcher NAME-bf16` tells how scores differ.

    Example: python -m benchmarks rounding --threads 1 --quick
    """
    from benchmarks.limits.bf16 import measure  # noqa: PLC0415  --help loads no network's library

    result_file.must_be_writable(json_out)
    tell(measure(turns or (QUICK if quick else THOROUGH), threads), json_out, show_rounding)


def show_rounding(console: Console, result: dict[str, Any]) -> None:
    """A line for each batch and contender."""
    from benchmarks.report.tables import show_stamp  # noqa: PLC0415  --help loads no network's library

    show_stamp(console, result["stamp"])
    table = Table("crops", "", "p50 ms", "p95 ms", "times as fast", "95 %", box=None, pad_edge=False)
    for size, told in result["batches"].items():
        for name, one in told.items():
            ratio = one["times_as_fast"]
            low, high = ratio["interval"]
            times = (f"{one['p50_ms']:.2f}", f"{one['p95_ms']:.2f}")
            table.add_row(size, name, *times, f"{ratio['ratio']:.2f}", f"{low:.2f} to {high:.2f}")
    console.print(table)
    for name, why in result["not_measured"].items():
        console.print(f"not measured: {name}: {why}", markup=False)
