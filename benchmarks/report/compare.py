"""Results of one benchmark from several machines, side by side: what agrees, what differs, and by how much.

What the work was must agree, or the figures are of different things. What did the work, machine, code and
libraries, may differ, and is said. Which figures of which benchmark are drawn stands here, too.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.errors import BenchmarkError
from benchmarks.harness.command_line import Json, console, words, write_drawings
from benchmarks.harness.plots import Drawing, bars, curves
from benchmarks.harness.result import SHARE, STDOUT, Figure, Name, Result, printable, read, shown, write

NONE, NOT_SAID = "none", "not said"
"""There is none, and the result does not say."""
TAIL = "p99"
MOST_GROUPS = 14
KINDS = {"ms": "times", SHARE: "shares", "×": "ratios", "": "counts", "/s": "rates"}
"""By unit, the word for a drawing. Of times the tail alone is drawn: five quantiles would say less."""


def compare(
    result: Annotated[
        list[Path],
        typer.Argument(metavar="A.json B.json …", help="Results of one benchmark, compared with the first."),
    ],
    json_out: Json = None,
) -> None:
    """Hold results of several machines against each other: what differs between them, then every figure.

    Beside each figure stands how many times better it is than the first result's. What was measured must be
    the same (frames, policy, weights, threads and what else the benchmark was asked for), or nothing is
    compared, and the error names it. Machine, code, libraries and provider may differ: that is said first.

    Beside OUT the figures are drawn as SVG.

    Example: python -m benchmarks compare small-box.json large-box.json --json compared.json
    """
    made = hold_against([Stored(printable(path.stem), read(path)) for path in result])
    values = as_json(made)
    if json_out is not None and json_out != STDOUT:
        values["drawings"] = write_drawings(json_out, lambda: draw(made))
    if json_out is not None:
        write(json.dumps(values, indent=2, allow_nan=False) + "\n", json_out)
    if json_out != STDOUT:
        _show(console(), made)


@dataclass(frozen=True, slots=True)
class Stored:
    """A result, and the name of its file without its ending."""

    name: str
    result: Result


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of every result; None where a result has not got it."""

    name: Name
    unit: str
    less_is_better: bool
    values: tuple[float | None, ...]

    def ratios(self) -> tuple[float | None, ...]:
        """How many times better than the first; None where one of both is missing or not above 0."""
        return tuple(self._ratio(value) for value in self.values)

    def _ratio(self, value: float | None) -> float | None:
        first = self.values[0]
        if not first or not value or first < 0 or value < 0:
            return None
        ratio = first / value if self.less_is_better else value / first
        return ratio if math.isfinite(ratio) else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Results that can be held against each other."""

    benchmark: str
    results: tuple[Result, ...]
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    differences: Mapping[str, tuple[str, ...]]
    """For each that differs, what each result says."""


def hold_against(stored: Sequence[Stored]) -> Comparison:
    """BenchmarkError that names why, where these cannot be compared."""
    if len(stored) < 2:
        raise BenchmarkError("wanted are two results or more")
    results = tuple(one.result for one in stored)
    if len({one.benchmark for one in results}) > 1:
        each = ", ".join(f"{one.name} of {one.result.benchmark}" for one in stored)
        raise BenchmarkError(f"these are results of different benchmarks: {each}")
    if not any(True for one in results for _ in one.compared):
        raise BenchmarkError(f"results of {results[0].benchmark} have no figures by which they are compared")
    for what in dict.fromkeys(name for one in results for name in one.conditions):
        _must_agree(what, stored)
    return Comparison(results[0].benchmark, results, _names(stored), _rows(results), _differences(results))


def _must_agree(what: str, stored: Sequence[Stored]) -> None:
    conditions = [_condition(what, one.result) for one in stored]
    if what == "weights" and "[]" in conditions:
        name = stored[conditions.index("[]")].name
        raise BenchmarkError(f"{name} does not say which weights it measured: measure it again")
    # As many threads as the machine has cores is the same question on every machine
    all_cores = all(one.result.conditions.get("threads") == one.result.stamp.cores for one in stored)
    if len(set(conditions)) > 1 and not (what == "threads" and all_cores):
        each = "; ".join(f"{one.name}: {_short(said)}" for one, said in zip(stored, conditions, strict=True))
        raise BenchmarkError(
            f"not comparable, since {what} must be the same and is not: {each}. Measure again alike"
        )


def _condition(what: str, one: Result) -> str:
    if what not in one.conditions:
        return NOT_SAID
    return json.dumps(one.conditions[what], sort_keys=True, ensure_ascii=False)


def _short(value: str, letters: int = 160) -> str:
    return value if len(value) <= letters else f"{value[: letters - 1]}…"


def _names(stored: Sequence[Stored]) -> tuple[str, ...]:
    """The files' names, numbered where two are the same."""
    names = [one.name for one in stored]
    return tuple(
        name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)
    )


def single_numbers(one: Result) -> dict[Name, tuple[float, Figure]]:
    """What a result is compared by; of many samples each quantile by itself, with its name behind."""
    numbers: dict[Name, tuple[float, Figure]] = {}
    for figure in one.compared:
        if figure.quantiles:
            numbers |= {(*figure.name, part): (value, figure) for part, value in figure.quantiles.items()}
        elif figure.number is not None:
            numbers[figure.name] = (figure.number, figure)
    return numbers


def _rows(results: Sequence[Result]) -> tuple[Row, ...]:
    """Every figure that one of them has, in the order of the first that has it."""
    every = [single_numbers(one) for one in results]
    figures = {name: figure for numbers in reversed(every) for name, (_, figure) in numbers.items()}
    return tuple(
        Row(
            name,
            figures[name].unit,
            figures[name].better == "lower",
            tuple(numbers[name][0] if name in numbers else None for numbers in every),
        )
        for name in dict.fromkeys(name for numbers in every for name in numbers)
    )


def _differences(results: Sequence[Result]) -> dict[str, tuple[str, ...]]:
    missing = [", ".join(f"{name} ({why})" for name, why in one.not_available.items()) for one in results]
    each = [
        dependencies(one) | {"not_available": _short(why or NONE)} | one.stamp.libraries
        for one, why in zip(results, missing, strict=True)
    ]
    names = dict.fromkeys(name for one in each for name in one)
    found = {name: tuple(one.get(name, NOT_SAID) for one in each) for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def dependencies(one: Result) -> dict[str, str]:
    """What a result depends on and may differ from others in, for a person, beside its libraries."""
    stamp, said = one.stamp, one.stamp.model_fields_set
    fields: dict[str, Callable[[], str]] = {
        "date_utc": lambda: stamp.date_utc,
        "commit": lambda: (stamp.commit.id or "")[:12] + (" with changes" if stamp.commit.dirty else ""),
        "cpu": lambda: stamp.cpu,
        "features": lambda: ", ".join(stamp.features),
        "cores": lambda: f"{stamp.cores}",
        "quota_cores": lambda: _amount(stamp.quota_cores),
        "memory_bytes": lambda: _gigabytes(stamp.memory_bytes),
        "memory_limit_bytes": lambda: _gigabytes(stamp.memory_limit_bytes),
        "gpu_models": lambda: ", ".join(stamp.gpu_models),
        "gpu_driver": lambda: stamp.gpu_driver or "",
        "os": lambda: stamp.os,
        "python": lambda: stamp.python,
        "arithmetic": lambda: stamp.arithmetic or "",
        "threads": lambda: _amount(stamp.threads),
        "clock": lambda: (stamp.clock and stamp.clock.source) or "",
        "policy": lambda: stamp.policy.version if stamp.policy else "",
    }
    found = {name: text() or NONE for name, text in fields.items() if name in said}
    if stamp.networks:
        found["ran on"] = ", ".join(sorted({f"{net.name} on {net.provider}" for net in stamp.networks}))
    return found | {
        name: _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in one.settings.items()
    }


def _amount(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _gigabytes(value: int | None) -> str:
    return "" if value is None else shown(value / 1e9, "GB")


def as_json(made: Comparison) -> dict[str, Any]:
    return {
        "benchmark": "compare",
        "compared": made.benchmark,
        "results": list(made.names),
        "differences": {what: list(each) for what, each in made.differences.items()},
        "figures": [
            {
                "name": list(row.name),
                "unit": row.unit,
                "less_is_better": row.less_is_better,
                "values": list(row.values),
                "times_better_than_the_first": list(row.ratios()),
            }
            for row in made.rows
        ],
        "stamps": [one.stamp.model_dump(mode="json", exclude_unset=True) for one in made.results],
    }


def _show(out: Console, made: Comparison) -> None:
    differing = Table("differs", box=None, pad_edge=False)
    for name in made.names:
        differing.add_column(Text(name))
    for what, each in made.differences.items():
        differing.add_row(*map(Text, (words(what), *each)))
    out.print(differing if made.differences else "Nothing differs between their stamps.")
    out.print()
    table = Table(made.benchmark, box=None, pad_edge=False)
    for place, name in enumerate(made.names):
        table.add_column(Text(name), justify="right")
        if place:
            table.add_column("times better", justify="right")
    for row in made.rows:
        cells = []
        for place, (value, ratio) in enumerate(zip(row.values, row.ratios(), strict=True)):
            cells.append("-" if value is None else shown(value, row.unit))
            cells += [] if not place else ["-" if ratio is None else f"{ratio:.2f}"]
        table.add_row(Text(" ".join(row.name)), *map(Text, cells))
    out.print(table)


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
        groups = {
            " ".join(row.name): {
                name: value for name, value in zip(made.names, row.values, strict=True) if value is not None
            }
            for row in rows[:MOST_GROUPS]
        }
        if groups:
            drawings[kind] = bars(f"{made.benchmark}: {kind}", groups, unit)
    return drawings


def is_drawn(name: Name, unit: str) -> bool:
    """Whether a figure of this unit has a bar."""
    return unit in KINDS and (unit != "ms" or name[-1] == TAIL)


def decision_lines(results: Mapping[str, Result]) -> dict[str, list[tuple[float, float]]]:
    """Numbers of lanes, fewest first, and the tail of their decisions in ms; empty where none has any."""
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
