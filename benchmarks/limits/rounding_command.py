from typing import Annotated

import typer

from benchmarks.harness.options import Json, Threads
from benchmarks.harness.output import deliver
from benchmarks.limits.bf16 import measure

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

    Of one crop and of two at once, which a template takes. Reported is how long a call takes, and how many
    times as fast as fp32 on the CPU each is, turn by turn, so that a busy machine slows all of them. What
    does not run here is named, with the reason. `accuracy --matcher NAME --matcher NAME-bf16` shows how
    scores differ.

    Example: python -m benchmarks rounding --threads 1 --quick
    """
    deliver(measure(turns or (QUICK if quick else THOROUGH), threads), json_out)
