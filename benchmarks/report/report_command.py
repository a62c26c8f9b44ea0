from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmarks.harness.output import say
from benchmarks.harness.result_file import must_be_writable, printable, read, write
from benchmarks.report.comparison import Stored
from benchmarks.report.page import page


def report(
    result: Annotated[list[Path], typer.Argument(metavar="RESULT.json …", help="Results of any benchmarks.")],
    out: Annotated[
        Path, typer.Option(help="The HTML file to write, such as report.html.", callback=must_be_writable)
    ],
    language: Annotated[Literal["en", "zh"], typer.Option(help="English or Chinese.")] = "en",
) -> None:
    """Write one HTML file that a buyer can read: verdict first, then every figure, then what they depend on.

    The verdict is, for each machine, how many lanes it carries (`capacity`), how late it decides (`latency`)
    and how near it comes to what it can do (`limit`); what has no result is said to be not measured. The file
    holds all that it needs: it opens without a network and without scripts, and prints on A4.

    Example: python -m benchmarks report capacity.json latency.json limit.json --out report.html
    """
    write(page([Stored(printable(path.stem), read(path)) for path in result], language), out)
    say(f"written: {out}")
