"""How a command ends: the result as a table, as a file with drawings beside it, or both."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from benchmarks.harness.result import Result
from benchmarks.harness.result_file import STDOUT, write
from benchmarks.harness.tables import show

Draw = Callable[[], Mapping[str, str]]
"""Drawings as SVG; each by the word that its file's name ends with."""


def deliver(result: Result, json_out: Path | None, draw: Draw | None = None) -> None:
    """To the file or standard output that was asked for; as tables, unless standard output has the file."""
    if draw is not None and json_out is not None and json_out != STDOUT:
        result = result.model_copy(update={"drawings": write_drawings(json_out, draw())})
    if json_out is not None:
        write(result.text(), json_out)
    if json_out != STDOUT:
        show(console(), result)


def write_drawings(json_out: Path, drawings: Mapping[str, str]) -> tuple[str, ...]:
    """Beside a result's file; their names."""
    pages = {f"{json_out.stem}-{kind}.svg": page for kind, page in drawings.items()}
    for name, page in pages.items():
        write(page, json_out.with_name(name))
    return tuple(pages)


def console() -> Console:
    """Standard output, wide enough for a table."""
    made = Console(soft_wrap=True, highlight=False)
    if not made.is_terminal:
        made.width = 240  # a file has no width, and a table that is cut says less
    return made


def say(text: str) -> None:
    """Progress, beside the result."""
    print(text, file=sys.stderr, flush=True)
