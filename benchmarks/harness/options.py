"""Options that several commands share, and how what is given with them is read."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmarks.harness.result_file import must_be_writable

Json = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="OUT",
        help="Also write the result to this file; - prints JSON only.",
        callback=must_be_writable,
    ),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads of each network; the cores of this process if not given.")
]
Bf16 = Annotated[
    bool,
    typer.Option(
        "--bf16",
        help='The matcher computes in bfloat16, as with bf16 = "require" in lane.toml: it needs OpenVINO.',
    ),
]
Root = Annotated[Path, typer.Option(help="The folder that the lists' paths are relative to.")]
Matchers = Annotated[
    list[str] | None,
    typer.Option(
        "--matcher",
        metavar="NAME",
        help="A matcher of the catalogue (python -m models list), or face_recognition; may be repeated. With "
        "-bf16 behind its name it runs in bfloat16, on OpenVINO. If none: the lane's own, and "
        "face_recognition where it is installed.",
    ),
]
Which = Annotated[
    Literal["prominent", "largest", "central"],
    typer.Option(
        help="Which face of a picture is meant: large and central, as LFW means it; the largest, as a "
        "lane takes it; the one nearest to the centre."
    ),
]
GroupBy = Annotated[
    str, typer.Option(help="The CSV column, or columns with commas between, that name a pair's group.")
]
FrameInterval = Annotated[float, typer.Option(min=0.001, help="Seconds between two frames of a sequence.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Pictures looked at at once; the cores of this process if not given."),
]


def similarities(text: str) -> tuple[float, ...]:
    """Numbers from -1 to 1 with commas between; typer.BadParameter if they are not."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(-1 <= number <= 1 for number in numbers):  # NaN compares false
        raise typer.BadParameter(
            f"{text!r}: wanted similarities from -1 to 1 with commas between", param_hint="--thresholds"
        )
    return numbers
