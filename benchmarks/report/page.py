"""The page: verdict first, then figures by benchmark, then what they depend on."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.errors import BenchmarkError
from benchmarks.harness.plots import Drawing, bars, curves, svg
from benchmarks.harness.result import Name
from benchmarks.harness.tables import shown, value_with_interval, words
from benchmarks.report.comparison import NONE, Stored, compare, dependencies, single_numbers
from benchmarks.report.comparison_plots import KINDS, decision_lines, is_drawn, limit_line
from benchmarks.report.verdict import Machine, answers, machines
from benchmarks.report.wording import NAMES, TAGS, WORDS, named, word

HERE = Path(__file__).parent
MOST_BARS = 12


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
        verdict=[(machine, answers(machine, language)) for machine in found],
        sections=list(_sections(found, language)),
        stamps=[_stamp(machine, one, language) for machine in found for one in machine.results],
    )


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
            compare(stored)
    except BenchmarkError as error:
        return str(error)
    return ""


def _drawings(benchmark: str, group: Sequence[Stored], language: str) -> Iterator[tuple[str, str]]:
    """What each shows, and its picture."""
    results = {one.name: one.result for one in group}
    whose = "" if len(results) > 1 else f": {next(iter(results))}"
    if benchmark == "capacity":
        if lines := decision_lines(results):
            level = limit_line(group[0].result, word("limit_line", language))
            title, axis = word("lanes_chart", language), word("lanes_axis", language)
            drawn = curves(title + whose, lines, axis, word("tails_chart", language), level)
            yield title + whose, _embedded(drawn)
        return
    for unit in KINDS:
        groups: dict[str, dict[str, float]] = {}
        for result_name, result in results.items():
            for name, (value, figure) in single_numbers(result).items():
                if unit and figure.unit == unit and is_drawn(name, unit):
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
