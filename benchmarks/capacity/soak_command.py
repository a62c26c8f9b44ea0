"""`soak`: a lane that looks at a camera for a while."""

from typing import Annotated

import typer

from benchmarks.capacity.soak import measure
from benchmarks.harness.options import Json, Threads
from benchmarks.harness.output import deliver, say


def soak(
    minutes: Annotated[float, typer.Option(min=0.05, help="How long.")] = 30,
    json_out: Json = None,
    rate: Annotated[int, typer.Option(min=1, max=120, help="The camera's frames a second.")] = 30,
    threads: Threads = None,
) -> None:
    """Let a lane look at a camera for a while: does memory grow, are frames lost, how long does each take?

    The camera is a film of the demo's holder walking up, 640×480, at its own speed, again and again, read by
    a process of its own as any camera is. The lane judges one passenger after another.

    Reported are the memory of both processes with its slope (MB an hour, and a 95 % interval), frames that
    were passed over while the lane was busy (the newest wins) and those that were lost though it waited, and
    the time that each frame took.

    Example: python -m benchmarks soak --minutes 2 --threads 1
    """
    deliver(measure(minutes, rate, threads, say), json_out)
