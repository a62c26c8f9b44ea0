"""What a result comes to: named numbers, each with its unit and whether less of it is better."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.report.stored_result import Stored, Values, at, entries, number, text

QUANTILES = ("p50", "p90", "p95", "p99", "max")
TAIL = "p99"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a result."""

    name: tuple[str, ...]
    """From the widest to the narrowest, such as provider, stage, quantile."""
    value: float
    unit: str
    less_is_better: bool


Read = Callable[[Values], Iterator[Figure]]


def figures(stored: Stored) -> tuple[Figure, ...]:
    """In the order in which a person reads them; none of a benchmark that has no figures to compare."""
    return tuple(READ[stored.benchmark](stored.values)) if stored.benchmark in READ else ()


def not_measured(stored: Stored) -> tuple[tuple[str, str], ...]:
    """What this machine could not do, and why; there is no figure of it."""
    paths = (("providers_not_measured",), ("ceilings", "not_measured"))
    return tuple((name, f"{why}") for path in paths for name, why in entries(stored.values, *path))


def _spread(values: Any, *name: str) -> Iterator[Figure]:
    for quantile in QUANTILES:
        if (value := number(values, f"{quantile}_ms")) is not None:
            yield Figure((*name, quantile), value, "ms", less_is_better=True)


def _latency(values: Values) -> Iterator[Figure]:
    for provider, told in entries(values, "providers"):
        for whole in ("end_to_end", "first_frame_to_gate", "frame_to_decision"):
            yield from _spread(at(told, whole), provider, whole)
        for stage, spread in entries(told, "stages"):
            yield from _spread(spread, provider, stage)
        for place, point in entries(told, "points"):
            if place != "0":  # the first is told above
                size, threads = text(point, "size") or place, number(point, "threads") or 0
                name = (provider, "end_to_end", size, "threads", f"{threads:g}")
                yield from _spread(at(point, "end_to_end"), *name)


def _capacity(values: Values) -> Iterator[Figure]:
    yield from _count(values, "lanes", less_is_better=False)
    for lanes, step in steps(values):
        yield from _spread(at(step, "decision"), "decision", "lanes", f"{lanes:g}")


def steps(values: Values) -> list[tuple[float, Values]]:
    """Of a capacity result: its number of lanes and the step, fewest lanes first."""
    found = [
        (lanes, step) for _, step in entries(values, "steps") if (lanes := number(step, "lanes")) is not None
    ]
    return sorted(found, key=lambda one: one[0])


def _limit(values: Values) -> Iterator[Figure]:
    for place, graph in entries(values, "graphs"):
        name = text(graph, "network") or place
        shape = "×".join(f"{one}" for _, one in entries(graph, "input"))
        told = f"{name} {shape}".rstrip()
        for share in ("share_of_limit", "share_of_peak"):
            yield from _ratio(graph, (share, told), share)
    for stage, told_of in entries(values, "stages"):
        yield from _ratio(told_of, ("share_of_limit", stage), "share_of_limit")
    yield from _ratio(values, ("overhead",), "overhead", unit="×", less_is_better=True)
    for kind, rates in entries(values, "ceilings"):
        yield from _rates(kind, rates)


def _rates(kind: str, rates: Any) -> Iterator[Figure]:
    unit = "GB/s" if kind.endswith("gb_per_s") else "GFLOP/s"
    if (value := number(rates, "p50")) is not None:
        yield Figure((kind,), value, unit, less_is_better=False)
        return
    for name, told in entries(rates):
        if (value := number(told, "p50")) is not None:
            yield Figure((kind, name), value, unit, less_is_better=False)


def _ratio(
    values: Any, name: tuple[str, ...], key: str, *, unit: str = "%", less_is_better: bool = False
) -> Iterator[Figure]:
    value = number(values, key)
    if value is None:
        value = number(values, key, "ratio")
    if value is not None:
        yield Figure(name, value * 100 if unit == "%" else value, unit, less_is_better)


def _peers(values: Values) -> Iterator[Figure]:
    """Each of our jobs beside a peer, where they are told; and one network by both runtimes."""
    for peer, told in entries(values, "peers"):
        yield from _times(told, peer)
        for job, one in entries(told, "ours"):
            yield from _times(one, peer, job)
    for _, point in entries(values, "embedding", "dlib", "points"):
        batch, threads = number(point, "batch"), number(point, "threads")
        if batch is not None and threads is not None:
            yield from _times(point, "dlib", f"batch {batch:g}", f"threads {threads:g}")


def _times(values: Any, *whom: str) -> Iterator[Figure]:
    if (value := number(values, "ratio")) is not None:
        yield Figure(("times as fast as", *whom), value, "×", less_is_better=False)


def _soak(values: Values) -> Iterator[Figure]:
    for name in ("work", "age"):
        yield from _spread(at(values, name), name)
    for name in ("passed_over", "lost"):
        yield from _count(values, "frames", name, less_is_better=True)
    for process, told in entries(values, "memory"):
        if (value := number(told, "slope_mb_per_hour", "slope")) is not None:
            yield Figure(("memory", process), value, "MB/h", less_is_better=True)


def _desk(values: Values) -> Iterator[Figure]:
    carried = [0.0]
    for _, step in entries(values, "steps"):
        rate = number(step, "passages_per_second")
        if rate is None:
            continue
        if at(step, "broken") == []:
            carried.append(rate)
        yield from _spread(at(step, "on_screen"), "on_screen", f"{rate:g} /s")
    yield Figure(("passages carried",), max(carried), "/s", less_is_better=False)


def _accuracy(values: Values) -> Iterator[Figure]:
    for matcher, told in entries(values, "matchers"):
        yield from _ratio(told, (matcher, "eer"), "eer", less_is_better=True)
        for rate, _ in entries(told, "fnmr_at_fmr"):
            name = (matcher, "fnmr_at_fmr", rate)
            yield from _ratio(at(told, "fnmr_at_fmr"), name, rate, less_is_better=True)


def _count(values: Values, *path: str, less_is_better: bool) -> Iterator[Figure]:
    if (value := number(values, *path)) is not None:
        yield Figure(path, value, "", less_is_better)


READ: dict[str, Read] = {
    "latency": lambda values: iter((*_latency(values), *_peers(values))),
    "capacity": _capacity,
    "limit": _limit,
    "peers": _peers,
    "soak": _soak,
    "desk": _desk,
    "accuracy": _accuracy,
}
"""Benchmarks whose results can be held against each other."""
