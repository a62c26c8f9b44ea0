"""How a command ends: the result as a table, as a file with drawings beside it, or both."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from benchmarks.harness.plots import Drawing, PlotsMissingError, svg
from benchmarks.harness.result import Result
from benchmarks.harness.result_file import STDOUT, write
from benchmarks.harness.tables import show

Draw = Callable[[], Mapping[str, Drawing]]
"""Drawings, each by the word that its file's name ends with."""


def deliver(result: Result, json_out: Path | None, draw: Draw | None = None) -> None:
    """To the file or standard output that was asked for; as tables, unless standard output has the file."""
    if draw is not None and json_out is not None and json_out != STDOUT:
        result = result.model_copy(update={"drawings": write_drawings(json_out, draw)})
    if json_out is not None:
        write(result.text(), json_out)
    if json_out != STDOUT:
        show(console(), result)


def write_drawings(json_out: Path, draw: Draw) -> tuple[str, ...]:
    """Beside a result's file; their names. Without matplotlib none, with a word on how to get it."""
    try:
        figures = {f"{json_out.stem}-{kind}.svg": figure for kind, figure in draw().items()}
    except PlotsMissingError as error:
        say(str(error))
        return ()
    for name, figure in figures.items():
        write(svg(figure), json_out.with_name(name))
    return tuple(figures)


def console() -> Console:
    """Standard output, wide enough for a table."""
    made = Console(soft_wrap=True, highlight=False)
    if not made.is_terminal:
        made.width = 240  # a file has no width, and a table that is cut says less
    return made


def say(text: str) -> None:
    """On standard error: standard output has the result."""
    print(text, file=sys.stderr, flush=True)
