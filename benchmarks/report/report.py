"""The page: verdict first, then figures by benchmark, then what they depend on.

The verdict is what a buyer asks first of each machine: how many lanes, how late, how near to what it can do.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.errors import BenchmarkError
from benchmarks.harness.command_line import say, value_with_interval, words
from benchmarks.harness.plots import Drawing, bars, curves, svg
from benchmarks.harness.result import (
    Figure,
    Name,
    Result,
    Stamp,
    must_be_writable,
    printable,
    read,
    shown,
    write,
)
from benchmarks.report import compare
from benchmarks.report.compare import NONE, TAIL, Stored, dependencies
from benchmarks.report.wording import NAMES, TAGS, WORDS, named, word

HERE = Path(__file__).parent
MOST_BARS = 12
ENOUGH = 100
"""Samples without which a ninety-ninth percentile is the longest."""
BELIEVED = 1.02
"""A share of a limit may be above 1 by as much as clocks are wrong."""


def report(
    result: Annotated[list[Path], typer.Argument(metavar="RESULT.json …", help="Results of any benchmarks.")],
    out: Annotated[
        Path, typer.Option(help="The HTML file to write, such as report.html.", callback=must_be_writable)
    ],
    language: Annotated[Literal["en", "zh"], typer.Option(help="English or Chinese.")] = "en",
) -> None:
    """Write one HTML file that a buyer can read: verdict first, then every figure, then what they depend on.

    The verdict is, for each machine, how many lanes it carries (`capacity`), how late it decides (`latency`)
    and how near it comes to what it can do (`limit`); what has no result is said to be not measured. The file
    holds all that it needs: it opens without a network and without scripts, and prints on A4.

    Example: python -m benchmarks report capacity.json latency.json limit.json --out report.html
    """
    write(page([Stored(printable(path.stem), read(path)) for path in result], language), out)
    say(f"written: {out}")


def page(stored: Sequence[Stored], language: str) -> str:
    """The whole file. Everything that a result says is escaped."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    style = (HERE / "style.css").read_text(encoding="utf-8")
    found = machines(stored, language)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        tag=TAGS[language],
        word=lambda key: word(key, language),
        named=lambda part: named(part, language),
        name=lambda parts: _name(parts, language),
        shown=shown,
        value=value_with_interval,
        style=Markup(style),  # noqa: S704  our own file
        digest=digest,
        verdict=[(machine, [_answer(machine, one, language) for one in ANSWERS]) for machine in found],
        sections=list(_sections(found, language)),
        stamps=[_stamp(machine, one, language) for machine in found for one in machine.results],
    )


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


def _answer(machine: Machine, benchmark: str, language: str) -> Answer:
    """By the machine's last result of this benchmark."""
    found = [one.result for one in machine.results if one.result.benchmark == benchmark]
    result = max(found, key=lambda one: one.stamp.date_utc, default=None)
    answer = None if result is None else ANSWERS[benchmark](result, language)
    if answer is None:
        how = f"{word('measure_with', language)} python -m benchmarks {benchmark} --json {benchmark}.json"
        return Answer(word("not_measured", language), (how,))
    return answer


def _lanes(result: Result, language: str) -> Answer | None:
    lanes, limit = result.find("lanes"), compare.limit_of(result)
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


def _sections(found: Sequence[Machine], language: str) -> Iterator[dict[str, object]]:
    """Of each benchmark what is drawn of all its results, and each result under its caption."""
    order = list(NAMES)
    every = [
        Stored(f"{machine.letter} · {one.name}", one.result) for machine in found for one in machine.results
    ]
    benchmarks = dict.fromkeys(one.result.benchmark for one in every)
    for benchmark in sorted(benchmarks, key=lambda one: order.index(one) if one in NAMES else len(order)):
        stored = [one for one in every if one.result.benchmark == benchmark]
        apart = _why_apart(stored)
        groups = [[one] for one in stored] if apart else [stored]
        yield {
            "title": named(benchmark, language),
            "apart": apart,
            "drawings": [one for group in groups for one in _drawings(benchmark, group, language)],
            "stored": stored,
        }


def _why_apart(stored: Sequence[Stored]) -> str:
    """Why these are not held against each other; empty where they may be."""
    try:
        if len(stored) > 1:
            compare.hold_against(stored)
    except BenchmarkError as error:
        return str(error)
    return ""


def _drawings(benchmark: str, group: Sequence[Stored], language: str) -> Iterator[tuple[str, str]]:
    """What each shows, and its picture."""
    results = {one.name: one.result for one in group}
    whose = "" if len(results) > 1 else f": {next(iter(results))}"
    if benchmark == "capacity":
        if lines := compare.decision_lines(results):
            level = compare.limit_line(group[0].result, word("limit_line", language))
            title, axis = word("lanes_chart", language), word("lanes_axis", language)
            drawn = curves(title + whose, lines, axis, word("tails_chart", language), level)
            yield title + whose, _embedded(drawn)
        return
    for unit in compare.KINDS:
        groups: dict[str, dict[str, float]] = {}
        for result_name, result in results.items():
            for name, (value, figure) in compare.single_numbers(result).items():
                if unit and figure.unit == unit and compare.is_drawn(name, unit):
                    groups.setdefault(_name(figure.name, language), {})[result_name] = value
        if some := dict(list(groups.items())[:MOST_BARS]):
            title = word("tails_chart", language) if unit == "ms" else named(benchmark, language)
            yield title + whose, _embedded(bars(title + whose, some, unit))


def _embedded(drawing: Drawing) -> str:
    """The picture itself in place of an address: nothing of it is markup of the page."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg(drawing).encode()).decode()}"


def _name(parts: Name, language: str) -> str:
    return " · ".join(named(part, language).removesuffix("ExecutionProvider") for part in parts)


def _stamp(machine: Machine, one: Stored, language: str) -> dict[str, object]:
    stamp = one.result.stamp
    libraries = ", ".join(f"{name} {version}" for name, version in stamp.libraries.items())
    conditions = one.result.conditions.items()
    work = {name: f"{value}" for name, value in conditions if isinstance(value, str | int | float)}
    fields = dependencies(one.result) | {"libraries": libraries, "weights": ", ".join(stamp.weights)} | work
    rows = [
        (
            word(name, language) if name in WORDS else words(name),
            word(NONE, language) if text == NONE else text,
        )
        for name, text in fields.items()
    ]
    return {"title": f"{machine.letter} · {named(one.result.benchmark, language)} · {one.name}", "rows": rows}
