"""`latency`: how long each step takes."""

from typing import Annotated

import typer

from benchmarks import results
from benchmarks.commands.options import Json, Threads
from benchmarks.commands.telling import tell

QUICK, THOROUGH = 30, 200


def latency(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} frames: a first look.")] = False,
    frames: Annotated[
        int | None, typer.Option(min=2, help=f"Frames to time on each provider; {THOROUGH} if not given.")
    ] = None,
    threads: Threads = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(help="Beside the CPU, an onnxruntime provider; may be repeated. CUDA is tried if none."),
    ] = None,
) -> None:
    """Time every step from camera frame to decision at 640×480, and the whole, on this machine.

    Frames are drawn before, networks are warm, and each answer is checked: a wrong one ends the run. Where
    the extra `peers` is installed, the same frames go through face_recognition, frame by frame in turns.

    Example: python -m benchmarks latency --quick --json -
    """
    from benchmarks.latency import measure  # noqa: PLC0415  --help loads no network's library
    from benchmarks.tables import show_latency  # noqa: PLC0415

    results.must_be_writable(json_out)
    count = frames or (QUICK if quick else THOROUGH)
    result = measure(count, threads, tuple(provider or ("CUDAExecutionProvider",)))
    tell(result, json_out, show_latency)
