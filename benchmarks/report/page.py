"""The page: verdict first, then figures by benchmark, then what they depend on."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.errors import BenchmarkError
from benchmarks.report.charts import bars, curves, shown
from benchmarks.report.comparison import DIFFERENCES, compare, said
from benchmarks.report.key_figures import QUANTILES, READ, TAIL, Figure, figures, not_measured, steps
from benchmarks.report.stored_result import Stored, entries, number, plain
from benchmarks.report.verdict import Machine, answers, machines
from benchmarks.report.wording import TAGS, named, word

HERE = Path(__file__).parent
MOST_BARS = 12
STAMP = tuple(what for what in DIFFERENCES if what not in ("seconds", "minutes", "database", "not_measured"))


@dataclass(frozen=True, slots=True)
class Told:
    """One result's figures."""

    letter: str
    name: str
    quantiles: tuple[str, ...]
    spreads: tuple[tuple[str, tuple[str, ...]], ...]
    others: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark: what is drawn of all its results, and each in numbers."""

    title: str
    apart: str
    drawings: tuple[Markup, ...]
    results: tuple[Told, ...]


def page(results: Sequence[Stored], language: str) -> str:
    """The whole file. Everything that a result says is escaped."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["plain"] = plain
    style = (HERE / "style.css").read_text(encoding="utf-8")
    found = machines(results, language)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        tag=TAGS[language],
        word=lambda key: word(key, language),
        style=Markup(style),  # noqa: S704  our own file
        digest=digest,
        verdict=[(machine, answers(machine, language)) for machine in found],
        sections=list(_sections(found, results, language)),
        stamps=[_stamp(machine, one, language) for machine in found for one in machine.results],
    )


def _sections(found: Sequence[Machine], results: Sequence[Stored], language: str) -> Iterator[Section]:
    letters = {id(one): machine.letter for machine in found for one in machine.results}
    for benchmark in dict.fromkeys((*READ, *(one.benchmark for one in results))):
        of_it = [one for one in results if one.benchmark == benchmark]
        if of_it:
            yield _section(benchmark, [(letters[id(one)], one) for one in of_it], language)


def _section(benchmark: str, of_it: Sequence[tuple[str, Stored]], language: str) -> Section:
    apart = _why_apart([one for _, one in of_it])
    groups = [[one] for one in of_it] if apart else [list(of_it)]
    return Section(
        named(benchmark, language),
        apart,
        tuple(drawing for group in groups for drawing in _drawings(benchmark, group, language)),
        tuple(_told(letter, one, language) for letter, one in of_it),
    )


def _why_apart(of_it: Sequence[Stored]) -> str:
    """Why these are not held against each other; empty where they may be."""
    try:
        if len(of_it) > 1:
            compare(of_it)
    except BenchmarkError as error:
        return str(error)
    return ""


def _drawings(benchmark: str, group: Sequence[tuple[str, Stored]], language: str) -> Iterator[Markup]:
    called = {f"{letter} · {one.name}": one for letter, one in group}
    if benchmark == "capacity":
        if drawn := _lanes(called, language):
            yield Markup(drawn)  # noqa: S704  `charts` escapes what it writes
        return
    kept = {name: [one for one in figures(stored) if _is_drawn(one)] for name, stored in called.items()}
    for unit in dict.fromkeys(figure.unit for of_it in kept.values() for figure in of_it):
        bars_of: dict[str, dict[str, float]] = {}
        for name, of_it in kept.items():
            for figure in of_it:
                if figure.unit == unit:
                    bars_of.setdefault(_name(_without_tail(figure), language), {})[name] = figure.value
        some = dict(list(bars_of.items())[:MOST_BARS])
        title = word("tails_chart", language) if unit == "ms" else f"{named(benchmark, language)}, {unit}"
        yield Markup(bars(title, some, unit))  # noqa: S704  `charts` escapes what it writes


def _is_drawn(figure: Figure) -> bool:
    return figure.unit in ("%", "×") or (figure.unit == "ms" and figure.name[-1] == TAIL)


def _without_tail(figure: Figure) -> tuple[str, ...]:
    return figure.name[:-1] if figure.unit == "ms" else figure.name


def _lanes(called: dict[str, Stored], language: str) -> str:
    lines = {
        name: [
            (count, late)
            for count, step in steps(one.values)
            if (late := number(step, "decision", f"{TAIL}_ms")) is not None
        ]
        for name, one in called.items()
    }
    if not any(lines.values()):
        return ""
    limit = number(next(iter(called.values())).values, "limit_ms")
    level = None if limit is None else (limit, word("limit_line", language).format(limit=f"{limit:g}"))
    title, axis = word("lanes_chart", language), word("lanes_axis", language)
    return curves(title, lines, axis, word("tails_chart", language), level)


def _told(letter: str, one: Stored, language: str) -> Told:
    found = figures(one)
    spreads: dict[tuple[str, ...], dict[str, float]] = {}
    for figure in found:
        if figure.unit == "ms" and figure.name[-1] in QUANTILES:
            spreads.setdefault(figure.name[:-1], {})[figure.name[-1]] = figure.value
    quantiles = tuple(one for one in QUANTILES if any(one in values for values in spreads.values()))
    return Told(
        letter,
        one.name,
        tuple(named(quantile, language) for quantile in quantiles),
        tuple(
            (_name(name, language), tuple(_cell(values.get(quantile)) for quantile in quantiles))
            for name, values in spreads.items()
        ),
        tuple((_name(f.name, language), shown(f.value, f.unit)) for f in found if f.name[:-1] not in spreads),
        not_measured(one),
    )


def _cell(value: float | None) -> str:
    return "" if value is None else shown(value, "ms")


def _name(parts: Sequence[str], language: str) -> str:
    return " · ".join(named(part, language).removesuffix("ExecutionProvider") for part in parts)


def _stamp(machine: Machine, one: Stored, language: str) -> dict[str, Any]:
    rows = [(word(what, language), _said(what, one, language)) for what in STAMP]
    libraries = ", ".join(f"{name} {version}" for name, version in entries(one.stamp, "libraries"))
    rows.append((word("libraries", language), libraries or word("not told", language)))
    if "frames" in one.stamp:
        rows.append((word("frames", language), f"{one.stamp['frames']}"))
    return {"title": f"{machine.letter} · {named(one.benchmark, language)} · {one.name}", "rows": rows}


def _said(what: str, one: Stored, language: str) -> str:
    told = said(what, one)
    return word(told, language) if told in ("none", "not told") else told
