"""A result as tables for a person to read, whatever was measured."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.harness.result import SHARE, Figure, NotAvailable, Result, Stamp

NO_BREAK = "\N{NO-BREAK SPACE}"


def show(console: Console, result: Result) -> None:
    """The stamp, a table for each first name, what is not available, and what names stand for."""
    for line in _stamp_lines(result.stamp):
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


def shown(value: float, unit: str = "") -> str:
    """A number as a person reads it: four digits at most that say something; a share in per cent."""
    if unit == SHARE:
        return shown(value * 100, "%")
    size = abs(value)
    digits = 0 if size >= 1000 or value == round(value) else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:,.{digits}f}" if not 0 < size < 0.05 else f"{value:.2g}"
    return text + (unit if unit in ("%", "×") else f"{NO_BREAK}{unit}" if unit else "")


def words(json_name: str) -> str:
    return json_name.replace("_", " ")


def _stamp_lines(stamp: Stamp) -> Iterator[str]:
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
