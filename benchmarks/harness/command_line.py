"""What commands share: options, and the result as tables and as a file with drawings."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.harness.plots import Drawing, PlotsMissingError, svg
from benchmarks.harness.result import (
    SHARE,
    STDOUT,
    Figure,
    NotAvailable,
    Result,
    must_be_writable,
    shown,
    write,
)

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
Draw = Callable[[], Mapping[str, Drawing]]
"""Drawings, each by the word that its file's name ends with."""


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


def show(console: Console, result: Result) -> None:
    """The stamp, a table for each first name, what is not available, and what names stand for."""
    for line in _stamp_lines(result):
        console.print(line, markup=False)
    for name, value in (result.conditions | result.settings).items():
        if isinstance(value, str | int | float) and not name.endswith(("policy", "sha256")):
            console.print(f"{words(name)}: {value}", markup=False)
    show_figures(console, result.figures)
    for name, meaning in result.meaning.items():
        console.print(f"{name}: {meaning}", markup=False)


def show_figures(console: Console, figures: Iterable[Figure]) -> None:
    tables: dict[str, list[Figure]] = {}
    for one in figures:
        if not one.detail:
            tables.setdefault(one.name[0], []).append(one)
    for title, every in tables.items():
        numbers = [one for one in every if one.number is not None]
        console.print()
        if numbers:
            console.print(_table(title, numbers))
        for one in every:
            if isinstance(one.value, NotAvailable):
                name = ", ".join(one.name)
                console.print(f"{name} not available: {one.value.not_available}", markup=False)


def _table(title: str, figures: Sequence[Figure]) -> Table:
    """Of a figure of many samples each quantile is a column; of others the last part of the name is one."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for one in figures:
        row = one.name[1:] if one.quantiles else one.name[1:-1]
        rows.setdefault(row, {}).update(_cells(one))
    columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
    columns.sort(key=lambda column: (column == "n", column == ""))  # how many, and remarks, come last
    table = Table(box=None, pad_edge=False)
    table.add_column(Text(title))
    for column in columns:
        table.add_column(Text(column), justify="left" if column == "" else "right")
    for row, cells in rows.items():
        table.add_row(Text(" · ".join(row)), *(Text(cells.get(column, "")) for column in columns))
    return table


def _cells(one: Figure) -> dict[str, str]:
    if one.quantiles:
        cells = {f"{name} {one.unit}".rstrip(): shown(value) for name, value in one.quantiles.items()}
        cells |= {"n": f"{one.n}"} if one.n is not None else {}
    else:
        cells = {one.name[-1]: value_with_interval(one)}
    return cells | ({"": one.note} if one.note else {})


def value_with_interval(one: Figure) -> str:
    """The number with its unit; beside it its interval, and that over people."""
    if one.number is None:
        return ""
    times = 100 if one.unit == SHARE else 1
    intervals = [
        f" [{shown(low * times)}, {shown(high * times)}]"
        for low, high in filter(None, (one.interval, one.by_people))
    ]
    return shown(one.number, one.unit) + "".join(intervals)


def quantiles(one: Figure, *names: str) -> str:
    found = [f"{name} {shown(one.quantiles[name], one.unit)}" for name in names if name in one.quantiles]
    return ", ".join(found) or "none"


def words(json_name: str) -> str:
    return json_name.replace("_", " ")


def _stamp_lines(result: Result) -> Iterator[str]:
    stamp = result.stamp
    commit = "no git checkout" if stamp.commit.id is None else stamp.commit.id[:12]
    commit += " with changes" if stamp.commit.dirty else ""
    rules = f", policy {stamp.policy.version}" if stamp.policy else ""
    matcher = f", matcher in {stamp.arithmetic}" if stamp.arithmetic else ""
    yield f"{stamp.date_utc}  commit {commit}{rules}{matcher}"
    memory = [one for one in (stamp.memory_bytes, stamp.memory_limit_bytes) if one]
    size = f", {min(memory) / 1e9:.1f} GB" if memory else ""
    yield f"{stamp.cpu}, {stamp.cores} cores{size}, {stamp.os}"
    if stamp.gpu_models:
        yield f"{', '.join(stamp.gpu_models)}, driver {stamp.gpu_driver or 'not known'}"
    libraries = (f"{name} {version}" for name, version in stamp.libraries.items())
    yield f"Python {stamp.python}, {', '.join(libraries)}"
