"""`capacity`: how many lanes one machine carries."""

from typing import Annotated

import typer

from benchmarks.capacity.measure import Load, draw, measure
from benchmarks.harness.options import Bf16, Json
from benchmarks.harness.output import deliver, say

QUICK_S, THOROUGH_S = 6.0, 60.0


def capacity(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK_S:g} s a step: a first look.")] = False,
    rate: Annotated[int, typer.Option(min=5, max=60, help="Frames a second of each lane's camera.")] = 15,
    limit_ms: Annotated[
        float, typer.Option(min=1, help="The p99 from a frame's capture to the decision may be so long.")
    ] = 100,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=2,
            help=f"How long each step lasts; {THOROUGH_S:g} if not given. Of few passages p99 is the latest.",
        ),
    ] = None,
    every_s: Annotated[
        float, typer.Option(min=0, help="So often a passenger comes to each lane; 0: one after another.")
    ] = 2,
    bf16: Bf16 = False,
) -> None:
    """Measure how many lanes this machine carries before decisions come too late.

    Each lane is one as a site runs it: its supervisor, its camera's reader, the traveller's screen with a
    page open, its journal on disk, and one desk for all on this machine. Its gate is simulated, its networks
    have one thread, and its camera is a film of the demo's holder at 640×480. Passengers present a document
    in the folder for documents, and are decided on three good frames at least. Between two of them the lane
    rests, as it is shipped, and looks at no frame. Twice as many lanes are tried until it breaks, then the
    middle between.

    Reported for each number of lanes are p50 to p99 from the capture of the last frame (and of the first)
    to the decision, frames of a capture that were passed over since the lane was busy (the newest wins), and
    the share of the cores that all processes of all lanes take; desk and browsers take theirs beside it.
    Broken is a step whose p99 is above the limit, with a passenger who was referred for lack of time (frames
    came too late, or the desk could not be reached or did not answer in time: it runs on this machine, too),
    with more than a tenth of the frames passed over, or with a camera that gave less than nine of ten. A lane
    that fails, or answers wrongly, ends the run: the holder must be admitted, and nobody by another person's
    document.

    Beside OUT the steps are drawn as SVG. Ctrl-C ends all lanes. How much of a site the officers' desk
    carries is measured by `python -m benchmarks desk`, which searches in the same way.

    Example: python -m benchmarks capacity --rate 15 --limit-ms 100 --json capacity.json
    """
    seconds = seconds or (QUICK_S if quick else THOROUGH_S)
    result = measure(Load(rate, limit_ms, seconds, every_s, bf16), say)
    deliver(result, json_out, lambda: {"lanes": draw(result)})
