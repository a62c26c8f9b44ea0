"""`film`: a film as a camera."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.capacity.film import measure
from benchmarks.harness.options import Json, Threads
from benchmarks.harness.output import deliver


def film(
    film: Annotated[Path, typer.Argument(help="A video file, or a folder of pictures, by name in order.")],
    document: Annotated[
        list[Path], typer.Option(help="A document photo; each is judged by the film. May be repeated.")
    ],
    json_out: Json = None,
    rate: Annotated[
        float | None, typer.Option(min=1, max=240, help="Frames a second of a folder; 25 if not given.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Let a film be a lane's camera, at its own speed: is who walks up decided on before they leave it?

    Each document is presented as the film begins. Frames that come while the lane is busy are passed over, as
    in a hall: the result depends on how fast this machine is.

    Example: python -m benchmarks film walking.mp4 --document portrait.jpg --threads 1
    """
    if missing := [str(path) for path in (film, *document) if not path.exists()]:
        raise typer.BadParameter(f"not there: {', '.join(missing)}")
    deliver(measure(film, document, rate, threads), json_out)
