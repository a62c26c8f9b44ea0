"""Which figures of which benchmark are drawn, and how."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness.result_file import write_text
from benchmarks.report.charts import bars, curves
from benchmarks.report.comparison import Comparison, Row
from benchmarks.report.key_figures import TAIL, steps
from benchmarks.report.stored_result import Stored, number

MOST_GROUPS = 14


def write_beside(out: Path, made: Comparison) -> list[str]:
    """The drawings of a comparison, beside its JSON; their file names."""
    pages = {f"{out.stem}-{kind}.svg": page for kind, page in drawn(made)}
    for name, page in pages.items():
        write_text(page, out.with_name(name))
    return list(pages)


def drawn(made: Comparison) -> Iterator[tuple[str, str]]:
    """Each drawing with a word for it; none of a benchmark without a figure that is drawn."""
    if made.benchmark == "capacity" and (page := lanes(made.names, made.results)):
        yield "lanes", page
    for unit, rows in _by_unit(row for row in made.rows if _is_drawn(row)):
        groups = {" ".join(row.name): _named(made.names, row) for row in rows[:MOST_GROUPS]}
        kind = {"ms": "times", "%": "shares", "×": "ratios", "": "counts", "/s": "rates"}.get(unit, "figures")
        yield kind, bars(f"{made.benchmark}: {kind}", groups, unit)


def lanes(names: Sequence[str], results: Sequence[Stored]) -> str:
    """How late each number of lanes decides; empty where no step has decided anything."""
    lines = {name: _line(one) for name, one in zip(names, results, strict=True)}
    limit = number(results[0].values, "limit_ms")
    level = None if limit is None else (limit, f"limit {limit:g} ms")
    if not any(lines.values()):
        return ""
    return curves("capacity: decisions at each number of lanes", lines, "lanes", f"{TAIL}, ms", level)


def _line(one: Stored) -> list[tuple[float, float]]:
    found = ((count, number(step, "decision", f"{TAIL}_ms")) for count, step in steps(one.values))
    return [(count, late) for count, late in found if late is not None]


def _is_drawn(row: Row) -> bool:
    """Of times the tail alone: five quantiles of each would say less."""
    return row.unit in ("ms", "%", "×", "", "/s") and (row.unit != "ms" or row.name[-1] == TAIL)


def _by_unit(rows: Iterator[Row]) -> Iterator[tuple[str, list[Row]]]:
    kept: dict[str, list[Row]] = {}
    for row in rows:
        kept.setdefault(row.unit, []).append(row)
    yield from kept.items()


def _named(names: Sequence[str], row: Row) -> dict[str, float]:
    return {name: value for name, value in zip(names, row.values, strict=True) if value is not None}
