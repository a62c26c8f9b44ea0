import re
from typing import Annotated

import typer

from benchmarks.harness.options import Bf16, Json
from benchmarks.harness.output import deliver
from benchmarks.latency.measure import measure
from benchmarks.latency.plan import QUICK, THOROUGH, Counts, plan
from models.runtime.threads import available_cores

MOST_PIXELS = 50_000_000


def latency(
    json_out: Json = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A first look, in under a minute: one size, all cores, few samples."),
    ] = False,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WxH", help="Of the camera's frames; may be repeated. 640x480 to 1920x1080 if none."
        ),
    ] = None,
    threads: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="Threads, and cores that they may use; may be repeated. One to all if none."
        ),
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(
            min=1, max=256, help="Pictures at once, without a lane; may be repeated. 1 to 16 if none."
        ),
    ] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(help="Beside the CPU, an onnxruntime provider; may be repeated. All are tried if none."),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=2, help="Frames to time by themselves, at the first size and threads.")
    ] = None,
    passages: Annotated[
        int | None, typer.Option(min=1, help="Passages to time, at the first size and threads.")
    ] = None,
    bf16: Bf16 = False,
) -> None:
    """Time a lane from a frame's capture to the gate's command, and every step of it, on this machine.

    A holder stands before a camera of 30 frames a second (a film, read by a process of its own as any camera
    is), and passes again and again through a real lane: networks, policy, journal on disk, the traveller's
    screen with a page open, a desk on this machine; document and gate are simulated. Each size is measured at
    the first number of threads, and each number of threads at the first size. Beside it: single frames by
    stage, batches, and a lane that is started afresh (cold). Each answer is checked: a wrong one ends it all.

    Threads are cores, too: on one thread the lane, its camera's reader, the kiosk and the page share a core.
    A frame's time is when the reader has decoded it and it is due: a reader that is late shows in the frames
    a second that came during captures.

    Where the extra `peers` is installed, the same frames go through what else there is, in turns. Joules are
    reported where the machine counts them.

    With --bf16 no batches of the matcher are timed: `rounding` does that.

    Example: python -m benchmarks latency --quick --json -
    """
    usual = QUICK if quick else THOROUGH
    planned = plan(
        available_cores(),
        counts=Counts(frames or usual.frames, passages or usual.passages, usual.batches, usual.cold),
        quick=quick,
        sizes=[size_of(one) for one in size or ()],
        threads=threads or (),
        batches=batch or (),
        bf16=bf16,
    )
    deliver(measure(planned, provider), json_out)


def size_of(text: str) -> tuple[int, int]:
    """Width and height; typer.BadParameter where that is none, or too few pixels for a face, or too many."""
    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    width, height = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if min(width, height) < 240 or width * height > MOST_PIXELS:
        raise typer.BadParameter(f"{text!r}: wanted is a size such as 1280x720", param_hint="--size")
    return width, height
