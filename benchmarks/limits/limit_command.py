from typing import Annotated

import typer

from benchmarks.harness.options import Json, Threads
from benchmarks.harness.output import deliver
from benchmarks.limits.measure import measure

QUICK, THOROUGH = 20, 150


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
    and its share of the time really taken is reported: 100 % cannot be beaten. The overhead is a lane's whole
    work on a frame, without its networks. All in turns, so that a busy machine slows all of them.

    Example: python -m benchmarks limit --threads 1 --quick
    """
    deliver(measure(turns or (QUICK if quick else THOROUGH), threads, provider), json_out)
