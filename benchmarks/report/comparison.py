"""Results of one benchmark from several machines, side by side: what agrees, what differs, and by how much.

What the work was must agree, or the figures are of different things. What did the work, machine, code and
libraries, may differ, and is said.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.report.key_figures import READ, figures, not_measured
from benchmarks.report.stored_result import AGAIN, Stored, at, entries, number, text

MUST_AGREE: Mapping[str, tuple[str, ...]] = {
    "latency": ("policy", "weights", "frames", "sizes", "threads"),
    "capacity": (
        "policy",
        "weights",
        "film",
        "frames_per_second",
        "good_frames",
        "passenger_every_s",
        "limit_ms",
    ),
    "limit": ("policy", "weights", "threads"),
    "peers": ("policy", "weights", "frames", "threads"),
    "soak": ("policy", "weights", "film", "frames_per_second", "threads"),
    "desk": ("lanes", "workers", "officers", "officer_s", "referred"),
    "accuracy": ("pairs_sha256", "face", "group_by", "impostors", "genuine", "pictures", "captures"),
}
"""What must be the same, by benchmark.

Pictures alone for `accuracy`: it is there to hold matchers and rules against each other. For how long a
machine was watched, how many samples were taken, and on which provider and database, are differences.
"""
DIFFERENCES = (
    "commit",
    "cpu",
    "features",
    "cores",
    "quota_cores",
    "memory_bytes",
    "memory_limit_bytes",
    "gpu_models",
    "gpu_driver",
    "os",
    "python",
    "ran on",
    "arithmetic",
    "threads",
    "clock",
    "policy",
    "weights",
    "database",
    "seconds",
    "minutes",
    "not_measured",
    "date_utc",
)
"""What is said where it differs, in this order."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of every result; None where a result has not got it."""

    name: tuple[str, ...]
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
        return first / value if self.less_is_better else value / first


@dataclass(frozen=True, slots=True)
class Comparison:
    """Results that can be held against each other."""

    benchmark: str
    results: tuple[Stored, ...]
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    differences: Mapping[str, tuple[str, ...]]
    """For each that differs, what each result says."""


def compare(results: Sequence[Stored]) -> Comparison:
    """BenchmarkError that names why, where these cannot be compared."""
    if len(results) < 2:
        raise BenchmarkError("wanted are two results or more")
    benchmark = _one_benchmark(results)
    for what in MUST_AGREE[benchmark]:
        _must_agree(what, results)
    return Comparison(benchmark, tuple(results), _names(results), rows(results), _differences(results))


def _one_benchmark(results: Sequence[Stored]) -> str:
    found = {one.benchmark for one in results}
    if len(found) > 1:
        told = ", ".join(f"{one.name} of {one.benchmark}" for one in results)
        raise BenchmarkError(f"these are results of different benchmarks: {told}")
    (benchmark,) = found
    if benchmark not in READ:
        raise BenchmarkError(f"results of {benchmark} are not compared, only of {', '.join(READ)}")
    return benchmark


def _must_agree(what: str, results: Sequence[Stored]) -> None:
    told = [_told(what, one) for one in results]
    if len(set(told)) > 1 and not (what == "threads" and all(map(_all_cores, results))):
        said = "; ".join(f"{one.name}: {_short(value)}" for one, value in zip(results, told, strict=True))
        raise BenchmarkError(
            f"not comparable, since {what} must be the same and is not: {said}. Measure again alike"
        )


def _all_cores(one: Stored) -> bool:
    """As many threads as the machine has cores is the same question on every machine."""
    threads = number(one.stamp, "threads")
    return threads is not None and threads == number(one.stamp, "cores")


def _told(what: str, one: Stored) -> str:
    """As text that is the same for the same; empty where the result does not say."""
    found = TELLING[what](one) if what in TELLING else at(one.stamp, what)
    found = at(one.values, what) if found is None else found
    return "" if found is None else json.dumps(found, sort_keys=True, ensure_ascii=False)


def networks(one: Stored) -> list[Any]:
    """All that took part, wherever the result names them."""
    found = [at(one.stamp, "networks")]
    found += [at(told, "networks") for _, told in entries(one.values, "providers")]
    return [network for listed in found if isinstance(listed, list) for network in listed]


def _weights(one: Stored) -> list[str]:
    if not (found := _files(one)):
        raise BenchmarkError(f"{one.name} does not say which weights it measured: {AGAIN}")
    return found


def _files(one: Stored) -> list[str]:
    return sorted({f"{text(network, 'name')} {text(network, 'sha256')}" for network in networks(one)})


def _ran_on(one: Stored) -> list[str]:
    return sorted({f"{text(network, 'name')} on {text(network, 'provider')}" for network in networks(one)})


def _sizes(one: Stored) -> Any:
    found = at(one.values, "sizes")
    return sorted(found) if isinstance(found, dict) else found


def _first_lanes(one: Stored) -> float | None:
    return next((number(step, "lanes") for _, step in entries(one.values, "steps")), None)


TELLING: Mapping[str, Callable[[Stored], Any]] = {
    "policy": lambda one: at(one.stamp, "policy", "sha256"),
    "weights": _weights,
    "ran on": _ran_on,
    "sizes": _sizes,
    "lanes": _first_lanes,
}
"""What is not simply a field of the stamp or of the result."""


ABSENT = "not told"


def _short(value: str, letters: int = 160) -> str:
    if not value:
        return ABSENT
    return value if len(value) <= letters else f"{value[: letters - 1]}…"


def _names(results: Sequence[Stored]) -> tuple[str, ...]:
    """The files' names, numbered where two are the same."""
    names = [one.name for one in results]
    return tuple(
        name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)
    )


def rows(results: Sequence[Stored]) -> tuple[Row, ...]:
    """Every figure that one of them has, in the order of the first that has it."""
    found = [{figure.name: figure for figure in figures(one)} for one in results]
    kinds = {name: figure for every in reversed(found) for name, figure in every.items()}
    order = dict.fromkeys(name for every in found for name in every)
    return tuple(
        Row(
            name,
            kinds[name].unit,
            kinds[name].less_is_better,
            tuple(every[name].value if name in every else None for every in found),
        )
        for name in order
    )


def _differences(results: Sequence[Stored]) -> dict[str, tuple[str, ...]]:
    return dict(_differing(results))


def _differing(results: Sequence[Stored]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for what in DIFFERENCES:
        yield from _if_differing(what, [said(what, one) for one in results])
    libraries = dict.fromkeys(name for one in results for name, _ in entries(one.stamp, "libraries"))
    for name in libraries:
        yield from _if_differing(name, [text(one.stamp, "libraries", name) or ABSENT for one in results])


def _if_differing(what: str, told: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if len(set(told)) > 1:
        yield what, tuple(told)


def said(what: str, one: Stored) -> str:
    """What a result says of one of the things it depends on, for a person."""
    if what in SAYING:
        return SAYING[what](one) or ABSENT
    for values in (one.stamp, one.values):
        if what in values:
            return "none" if values[what] is None else _short(f"{values[what]}")
    return ABSENT


def _commit(one: Stored) -> str:
    told = text(one.stamp, "commit", "id")
    changed = " with changes" if at(one.stamp, "commit", "dirty") is True else ""
    return f"{told[:12]}{changed}" if told else ""


def _bytes(what: str) -> Callable[[Stored], str]:
    def told(one: Stored) -> str:
        found = number(one.stamp, what)
        none = "none" if what in one.stamp else ""
        return none if found is None else f"{found / 1e9:.1f} GB"

    return told


def _listed(what: str) -> Callable[[Stored], str]:
    def told(one: Stored) -> str:
        found = ", ".join(f"{found}" for _, found in entries(one.stamp, what))
        return found or ("none" if what in one.stamp else "")

    return told


SAYING: Mapping[str, Callable[[Stored], str]] = {
    "commit": _commit,
    "features": _listed("features"),
    "gpu_models": _listed("gpu_models"),
    "memory_bytes": _bytes("memory_bytes"),
    "memory_limit_bytes": _bytes("memory_limit_bytes"),
    "ran on": lambda one: ", ".join(_ran_on(one)),
    "weights": lambda one: ", ".join(_files(one)),
    "policy": lambda one: text(one.stamp, "policy", "version") or "",
    "clock": lambda one: text(one.stamp, "clock", "source") or "",
    "not_measured": lambda one: _short(
        ", ".join(f"{name} ({why})" for name, why in not_measured(one)) or "none"
    ),
}


def as_json(made: Comparison) -> dict[str, Any]:
    """The comparison as JSON values, with the stamps that it rests on."""
    return {
        "benchmark": "compare",
        "compared": made.benchmark,
        "results": list(made.names),
        "differences": {what: list(told) for what, told in made.differences.items()},
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
        "stamps": [one.stamp for one in made.results],
    }
