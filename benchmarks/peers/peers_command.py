from typing import Annotated

import typer

from benchmarks.harness.options import Bf16, Json
from benchmarks.harness.output import deliver
from benchmarks.peers.measure import measure

QUICK, THOROUGH = 20, 200


def peers(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} frames: a first look.")] = False,
    frames: Annotated[
        int | None, typer.Option(min=2, help=f"Frames for each peer; {THOROUGH} if not given.")
    ] = None,
    threads: Annotated[
        int,
        typer.Option(min=1, help="Threads of ours, and cores for all; most libraries use one."),
    ] = 1,
    bf16: Bf16 = False,
) -> None:
    """Time the same frames by a lane and by what a user would otherwise pick, frame by frame in turns.

    Reported is how many times as long as ours their work takes: above 1 we are faster. Ours is the whole of
    what a lane does to a frame; and the peer's job alone, with as many crops as the peer embeds. Each answer
    is checked: who does not recognise the holder is not timed. dlib's network is timed alone, too, by the
    lane's runtime and by dlib. Weights are never fetched: what is not there is skipped, with the reason. With
    `make bench-peers BENCH=peers` face_recognition and dlib are there.

    Example: python -m benchmarks peers --quick
    """
    deliver(measure(frames or (QUICK if quick else THOROUGH), threads, bf16=bf16), json_out)
