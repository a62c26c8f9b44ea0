"""What a buyer asks first of each machine: how many lanes, how late, how near to what it can do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.harness.result import Figure, Result, Stamp
from benchmarks.harness.tables import shown
from benchmarks.report.comparison import Stored
from benchmarks.report.comparison_plots import TAIL, limit_of
from benchmarks.report.wording import word

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
    description: str
    results: tuple[Stored, ...]

    def newest(self, benchmark: str) -> Result | None:
        """The last result of a benchmark; None where it was not measured."""
        found = [one.result for one in self.results if one.result.benchmark == benchmark]
        return max(found, key=lambda one: one.stamp.date_utc, default=None)


def machines(stored: Sequence[Stored], language: str) -> tuple[Machine, ...]:
    """In the order in which they first come."""
    found: dict[str, list[Stored]] = {}
    for one in stored:
        found.setdefault(_description(one.result.stamp, language), []).append(one)
    return tuple(
        Machine(chr(ord("A") + place) if place < 26 else f"{place + 1}", description, tuple(results))
        for place, (description, results) in enumerate(found.items())
    )


def _description(stamp: Stamp, language: str) -> str:
    memory, gpus = stamp.memory_limit_bytes or stamp.memory_bytes, stamp.gpu_models
    parts = [
        stamp.cpu,
        word("core", language).format(count=f"{stamp.cores:g}"),
        "" if memory is None else f"{memory / 1e9:.0f} GB",
        ", ".join(f"{gpus.count(gpu)} × {gpu}" for gpu in dict.fromkeys(gpus)),
    ]
    return ", ".join(part for part in parts if part)


def answers(machine: Machine, language: str) -> tuple[Answer, ...]:
    return tuple(_answer(machine, benchmark, language) for benchmark in ANSWERS)


def _answer(machine: Machine, benchmark: str, language: str) -> Answer:
    result = machine.newest(benchmark)
    answer = None if result is None else ANSWERS[benchmark](result, language)
    if answer is None:
        how = f"{word('measure_with', language)} python -m benchmarks {benchmark} --json {benchmark}.json"
        return Answer(word("not_measured", language), (how,))
    return answer


def _lanes(result: Result, language: str) -> Answer | None:
    lanes, limit = result.find("lanes"), limit_of(result)
    if lanes is None or lanes.number is None or limit is None:
        return None
    rate = result.conditions.get("frames_per_second")
    how = [word("lanes_how", language).format(rate=rate, limit=f"{limit:g}")]
    if lanes.number == 0:
        how.append(word("none_carried", language))
    if lanes.note:
        how.append(word("or_more", language))
    decision = result.find("decision", "lanes", f"{lanes.number:g}")
    return Answer(f"{lanes.number:g}", (*how, *_samples(decision, language)))


def _tail(result: Result, language: str) -> Answer | None:
    """On the provider that is fastest there."""
    found = [one for one in result.compared if one.name[1:] == ("end to end",) and TAIL in one.tails]
    if not found:
        return None
    fastest = min(found, key=lambda one: (one.tails[TAIL], one.name))
    how = word("tail_how", language).format(
        provider=fastest.name[0].removesuffix("ExecutionProvider"),
        threads=result.conditions.get("threads", "?"),
        half=shown(fastest.quantiles["p50"], "ms"),
    )
    return Answer(shown(fastest.tails[TAIL], "ms"), (how, *_samples(fastest, language)))


def _share(result: Result, language: str) -> Answer | None:
    shares = [one for one in result.under("graphs") if one.name[-1] == "share of limit" and one.number]
    if not shares:
        return None

    def work(share: Figure) -> float:
        gflop = result.find("work", share.name[1], "gflop")
        return (gflop and gflop.number) or 0.0

    most, numbers = max(shares, key=work), sorted(one.number for one in shares if one.number)
    low, high = (shown(one, most.unit) for one in (numbers[0], numbers[-1]))
    how = [word("share_how", language).format(network=most.name[1].split()[0], low=low, high=high)]
    overhead = result.find("overhead", "lane over bare networks")
    if overhead is not None and overhead.number is not None:
        how.append(word("overhead_how", language).format(overhead=shown(100 * (overhead.number - 1), "%")))
    if numbers[-1] > BELIEVED:
        how.append(word("busy", language))
    return Answer(shown(most.number or 0.0, most.unit), tuple(how))


def _samples(of_many: Figure | None, language: str) -> Iterator[str]:
    """How many a tail rests on, and a warning where they are few: of ten, p99 is the longest."""
    if of_many is not None and of_many.n is not None:
        yield word("samples", language).format(n=of_many.n)
        if of_many.n < ENOUGH:
            yield word("few", language)


ANSWERS: dict[str, Callable[[Result, str], Answer | None]] = {
    "capacity": _lanes,
    "latency": _tail,
    "limit": _share,
}
"""By benchmark."""
