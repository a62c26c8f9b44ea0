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
    idle_s: Annotated[
        float, typer.Option(min=1, help="So many seconds nobody comes, after the last passenger.")
    ] = 30,
) -> None:
    """Let a lane serve for a while, then wait: does memory grow, are frames lost, what does waiting cost?

    The lane is one as a site runs it: its supervisor, its camera's reader, the traveller's screen with a page
    open, its journal on disk, a desk on this machine. Its gate is simulated. The camera is a film of the
    demo's holder walking up, 640×480, at its own speed, again and again. One passenger after another presents
    a document, in the folder for documents; a script decides at the desk on who is referred.

    Reported are the memory of each process with its slope (MB an hour, and a 95 % interval), frames that were
    passed over in captures while the lane was busy (the newest wins) and those that were lost though it
    waited, and the time that each frame took. Then nobody comes: "waiting" tells which share of one core all
    of the lane's processes take together, and each of them. Desk and browser are not the lane's, and are not
    counted.

    Example: python -m benchmarks soak --minutes 2 --threads 1
    """
    deliver(measure(minutes, rate, threads, idle_s, say), json_out)
