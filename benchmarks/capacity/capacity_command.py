"""`capacity`: how many lanes one machine carries."""

from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.harness import result_file
from benchmarks.harness.options import Bf16, Json
from benchmarks.harness.output import say, tell

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

    Each lane is a process of its own, one thread, as in a hall, with a reader of its own for its camera: a
    film of the demo's holder at 640×480. It follows the faces of every frame, and decides each passenger on
    three good frames at least. Twice as many lanes are tried until it breaks, then the middle between.

    Told for each number of lanes are p50, p95 and p99 from the capture of the last frame (and of the first)
    to the decision, frames that were passed over since the lane was busy (the newest wins), and the share of
    the cores. Broken is a step whose p99 is above the limit, with a passenger who was referred for lack of
    time, or with more than a tenth of the frames passed over or never read. A lane that fails, or answers
    wrongly, ends the run: the holder must be admitted, and nobody by another person's document. Gate, ledger
    and desk are not part of it.

    Beside OUT the steps are drawn as SVG. Ctrl-C ends all lanes. How much of a site the officers' desk
    carries is measured by `python -m benchmarks desk`, which searches in the same way.

    Example: python -m benchmarks capacity --rate 15 --limit-ms 100 --json capacity.json
    """
    from benchmarks.accuracy.score_plots import draw_lanes  # noqa: PLC0415
    from benchmarks.capacity.measure import Asked, measure  # noqa: PLC0415  --help loads no network's library

    result_file.must_be_writable(json_out)
    seconds = seconds or (QUICK_S if quick else THOROUGH_S)
    found = measure(Asked(rate, limit_ms, seconds, every_s, bf16), say)
    if json_out is not None and json_out != result_file.STDOUT:
        found["drawing"] = draw_lanes(json_out, found)
    tell(found, json_out, _show)


def _show(console: Console, told: dict[str, Any]) -> None:
    from benchmarks.capacity.measure import in_words  # noqa: PLC0415
    from benchmarks.report.tables import show_stamp  # noqa: PLC0415

    show_stamp(console, told["stamp"])
    for step in sorted(told["steps"], key=lambda one: int(one["lanes"])):
        console.print(in_words(step), markup=False)
    more = ": no more were tried" if told["ended_at_most"] else ""
    console.print(
        f"lanes that this machine carries, each at {told['frames_per_second']} frames a second, with a "
        f"passenger every {told['passenger_every_s']:g} s: {told['lanes']}{more}",
        markup=False,
    )
