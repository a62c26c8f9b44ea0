"""Results of one benchmark from several machines, side by side: what agrees, what differs, and by how much.

What the work was must agree, or the figures are of different things. What did the work, machine, code and
libraries, may differ, and is said.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import Figure, Name, Result
from benchmarks.harness.tables import shown

NONE, NOT_SAID = "none", "not said"
"""There is none, and the result does not say."""


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


def compare(stored: Sequence[Stored]) -> Comparison:
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
    if len(set(conditions)) > 1 and not (what == "threads" and all(_all_cores(one.result) for one in stored)):
        each = "; ".join(f"{one.name}: {_short(said)}" for one, said in zip(stored, conditions, strict=True))
        raise BenchmarkError(
            f"not comparable, since {what} must be the same and is not: {each}. Measure again alike"
        )


def _condition(what: str, one: Result) -> str:
    if what not in one.conditions:
        return NOT_SAID
    return json.dumps(one.conditions[what], sort_keys=True, ensure_ascii=False)


def _all_cores(one: Result) -> bool:
    """As many threads as the machine has cores is the same question on every machine."""
    return one.conditions.get("threads") == one.stamp.cores


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
    each = [dependencies(one) | {"not_available": _missing(one)} | one.stamp.libraries for one in results]
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


def _missing(one: Result) -> str:
    return _short(", ".join(f"{name} ({why})" for name, why in one.not_available.items()) or NONE)


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
