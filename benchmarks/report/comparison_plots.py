"""Which figures of which benchmark are drawn, and how."""

from collections.abc import Mapping

from benchmarks.harness.plots import Drawing, bars, curves
from benchmarks.harness.result import SHARE, Name, Result
from benchmarks.report.comparison import Comparison, Row

TAIL = "p99"
MOST_GROUPS = 14
KINDS = {"ms": "times", SHARE: "shares", "×": "ratios", "": "counts", "/s": "rates"}
"""By unit, the word for a drawing. Of times the tail alone is drawn: five quantiles would say less."""


def draw(made: Comparison) -> dict[str, Drawing]:
    """Each drawing with a word for it; none of a benchmark without a figure that is drawn."""
    drawings: dict[str, Drawing] = {}
    by_name = dict(zip(made.names, made.results, strict=True))
    if made.benchmark == "capacity" and (lines := decision_lines(by_name)):
        level = limit_line(made.results[0], "limit {limit} ms")
        title = "capacity: decisions at each number of lanes"
        drawings["lanes"] = curves(title, lines, "lanes", f"{TAIL}, ms", level)
    for unit, kind in KINDS.items():
        rows = [row for row in made.rows if row.unit == unit and is_drawn(row.name, unit)]
        if groups := {" ".join(row.name): _values(made.names, row) for row in rows[:MOST_GROUPS]}:
            drawings[kind] = bars(f"{made.benchmark}: {kind}", groups, unit)
    return drawings


def is_drawn(name: Name, unit: str) -> bool:
    """Whether a figure of this unit has a bar."""
    return unit in KINDS and (unit != "ms" or name[-1] == TAIL)


def decision_lines(results: Mapping[str, Result]) -> dict[str, list[tuple[float, float]]]:
    """By capacity result, numbers of lanes, fewest first, and the tail of their decisions in ms.

    Empty where none has decided anything.
    """
    lines = {
        name: sorted(
            (float(figure.name[-1]), figure.tails[TAIL])
            for figure in one.under("decision", "lanes")
            if TAIL in figure.tails and figure.name[-1].isdecimal()
        )
        for name, one in results.items()
    }
    return lines if any(lines.values()) else {}


def limit_of(one: Result) -> float | None:
    """Of a capacity result: how late decisions may be, in ms."""
    limit = one.conditions.get("limit_ms")
    return float(limit) if isinstance(limit, int | float) else None


def limit_line(one: Result, text: str) -> tuple[float, str] | None:
    """That limit, and a text that has a place for it; None where the result does not say it."""
    limit = limit_of(one)
    return None if limit is None else (limit, text.format(limit=f"{limit:g}"))


def _values(names: tuple[str, ...], row: Row) -> dict[str, float]:
    return {name: value for name, value in zip(names, row.values, strict=True) if value is not None}
