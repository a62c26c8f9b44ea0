"""What a buyer asks first of each machine: how many lanes, how late, how near to what it can do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.charts import shown
from benchmarks.report.key_figures import TAIL, steps
from benchmarks.report.stored_result import Stored, Values, at, entries, number, text
from benchmarks.report.wording import word

BENCHMARKS = ("capacity", "latency", "limit")
ENOUGH = 100
"""Samples without which a ninety-ninth percentile is the longest."""
BELIEVED = 1.02
"""A share of a limit may be above 1 by as much as clocks are wrong."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and in smaller letters how it was come by."""

    value: str
    how: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, by what the stamps of its results say of it."""

    letter: str
    told: str
    results: tuple[Stored, ...]

    def newest(self, benchmark: str) -> Stored | None:
        """The last result of a benchmark; None where it was not measured."""
        found = [one for one in self.results if one.benchmark == benchmark]
        return max(found, key=lambda one: text(one.stamp, "date_utc") or "", default=None)


def machines(results: Sequence[Stored], language: str) -> tuple[Machine, ...]:
    """In the order in which they first come."""
    found: dict[str, list[Stored]] = {}
    for one in results:
        found.setdefault(_told(one, language), []).append(one)
    return tuple(
        Machine(_letter(place), told, tuple(of_it)) for place, (told, of_it) in enumerate(found.items())
    )


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else str(place + 1)


def _told(one: Stored, language: str) -> str:
    memory = number(one.stamp, "memory_limit_bytes") or number(one.stamp, "memory_bytes")
    gpus = [told for _, told in entries(one.stamp, "gpu_models") if isinstance(told, str)]
    cores = number(one.stamp, "cores")
    parts = [
        text(one.stamp, "cpu") or word("not told", language),
        "" if cores is None else word("core", language).format(count=f"{cores:g}"),
        "" if memory is None else f"{memory / 1e9:.0f} GB",
        ", ".join(f"{gpus.count(gpu)} × {gpu}" for gpu in dict.fromkeys(gpus)),
    ]
    return ", ".join(part for part in parts if part)


def answers(machine: Machine, language: str) -> tuple[Answer, ...]:
    """To lanes, tail and share, in this order."""
    return tuple(_answer(machine, benchmark, language) for benchmark in BENCHMARKS)


def _answer(machine: Machine, benchmark: str, language: str) -> Answer:
    result = machine.newest(benchmark)
    told = None if result is None else ANSWERS[benchmark](result.values, language)
    if told is None:
        how = f"{word('measure_with', language)} python -m benchmarks {benchmark} --json {benchmark}.json"
        return Answer(word("not_measured", language), (how,))
    return told


def _lanes(values: Values, language: str) -> Answer | None:
    lanes, rate, limit = (number(values, key) for key in ("lanes", "frames_per_second", "limit_ms"))
    if lanes is None or rate is None or limit is None:
        return None
    how = [word("lanes_how", language).format(rate=f"{rate:g}", limit=f"{limit:g}")]
    if lanes == 0:
        how.append(word("none_carried", language))
    if at(values, "ended_at_most") is True:
        how.append(word("or_more", language))
    carried = [step for count, step in steps(values) if count == lanes]
    return Answer(f"{lanes:g}", (*how, *_samples(carried[-1] if carried else None, "decision", language)))


def _tail(values: Values, language: str) -> Answer | None:
    """On the provider that is fastest there."""
    found = [
        (late, provider, told)
        for provider, told in entries(values, "providers")
        if (late := number(told, "end_to_end", f"{TAIL}_ms")) is not None
    ]
    if not found:
        return None
    late, provider, told = min(found, key=lambda one: one[:2])
    half, threads = number(told, "end_to_end", "p50_ms"), number(told, "threads")
    how = word("tail_how", language).format(
        provider=provider.removesuffix("ExecutionProvider"),
        threads="?" if threads is None else f"{threads:g}",
        half="?" if half is None else shown(half, "ms"),
    )
    return Answer(shown(late, "ms"), (how, *_samples(told, "end_to_end", language)))


def _share(values: Values, language: str) -> Answer | None:
    found = [
        (number(graph, "gflop") or 0.0, share, text(graph, "network") or place)
        for place, graph in entries(values, "graphs")
        if (share := number(graph, "share_of_limit", "ratio")) is not None
    ]
    if not found:
        return None
    _, share, network = max(found, key=lambda one: one[0])
    shares = sorted(one for _, one, _ in found)
    low, high = (shown(100 * one, "%") for one in (shares[0], shares[-1]))
    how = [word("share_how", language).format(network=network, low=low, high=high)]
    if (overhead := number(values, "overhead", "ratio")) is not None:
        how.append(word("overhead_how", language).format(overhead=shown(100 * (overhead - 1), "%")))
    if shares[-1] > BELIEVED:
        how.append(word("busy", language))
    return Answer(shown(100 * share, "%"), tuple(how))


def _samples(values: Any, key: str, language: str) -> Iterator[str]:
    """How many a tail was told from, and a warning where they are few: of ten, p99 is the longest."""
    if (n := number(values, key, "n")) is not None:
        yield word("samples", language).format(n=f"{n:g}")
        if n < ENOUGH:
            yield word("few", language)


ANSWERS: dict[str, Callable[[Values, str], Answer | None]] = {
    "capacity": _lanes,
    "latency": _tail,
    "limit": _share,
}
