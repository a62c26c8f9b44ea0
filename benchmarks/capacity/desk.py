"""How much of a site one desk carries: referrals on the screen, decisions back, and where it breaks."""

import asyncio
import math
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer

from benchmarks.capacity import bisection
from benchmarks.capacity.bisection import Step, most_carried, steps
from benchmarks.capacity.http_load import Load, Observed, Shift
from benchmarks.harness.command_line import Json, deliver, quantiles, say
from benchmarks.harness.desk_site import Site, site
from benchmarks.harness.plots import Drawing, beside_legend, finish, from_zero, line, ring
from benchmarks.harness.result import Figure, Result, counts
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import times
from lane.ledger.entry import Head

LIBRARIES = ("fastapi", "uvicorn", "sqlalchemy", "psycopg", "httpx")
ON_SCREEN_P95_MS = 500.0
"""The aim: a referral is on the officer's screen within half a second."""
LATE_P95_MS = 1000.0
"""A lane that must wait so long has the next passenger before the door."""
FINEST = 0.25
"""A search ends once what broke is no more than this share above what was carried."""


def desk(
    json_out: Json = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="PATH|URL", help="An empty database; an SQLite file if not given."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the desk.")] = 1,
    lanes: Annotated[int, typer.Option(min=1, help="Lanes that refer passengers.")] = 10,
    per_hour: Annotated[float, typer.Option(min=1, help="Passages an hour, of each lane.")] = 360,
    referred: Annotated[float, typer.Option(min=0, max=1, help="The share that an officer decides.")] = 0.1,
    officers: Annotated[int, typer.Option(min=1, help="Officers who decide; one more watches.")] = 4,
    officer_s: Annotated[float, typer.Option(min=0, help="How long each looks at a case.")] = 1.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long each step lasts.")] = 30,
    search: Annotated[
        bool, typer.Option(help="Double the passages until the desk breaks, then halve the gap.")
    ] = True,
) -> None:
    """Measure a desk with simulated lanes and scripted officers, over HTTP, up to where it breaks.

    Each lane uploads two pictures of a referred passenger and then its entries; officers follow the queue's
    page, claim, look, judge and decide. Reported are p50 to p99 from the lane's first byte until the case
    is on the page of an officer who watches, and until the lane has the decision.

    Broken is a step with a failed request, with a referral that was lost or not decided, later on screen than
    500 ms (p95), or where lanes are made to wait longer than a second. A search ends where what broke lies at
    most a quarter above what was carried. Everything runs on this machine and takes time from the desk: the
    figures are from below.

    Beside OUT the steps are drawn as SVG. Ctrl-C ends the desk, too.

    Example: python -m benchmarks desk --lanes 20 --officers 8 --workers 2 --json desk.json
    """
    load = Load(per_hour, referred, seconds, officer_s)
    kind = "postgresql" if database and "://" in database else "sqlite"
    say(f"starting a desk on {kind}, with {lanes} lanes and {officers} officers …")
    with site(database, lanes=lanes, officers=officers + 1, workers=workers) as running:
        taken = list(measure(running, load, searches=search))
    result = Result(
        benchmark="desk",
        stamp=stamp(libraries=LIBRARIES),
        conditions={
            "lanes": lanes,
            "workers": workers,
            "officers": officers,
            "officer_s": officer_s,
            "referred": referred,
        },
        settings={"database": kind, "seconds": seconds},
        figures=(carried(taken), *(figure for step in taken for figure in step.figures)),
    )
    title = f"desk on {kind}, {workers} worker(s), {lanes} lanes"
    deliver(result, json_out, lambda: {"steps": draw(result, title)})


def measure(site: Site, load: Load, *, searches: bool) -> Iterator[Step]:
    """The load, and where `searches` is wished more and less of it, up to where the desk breaks."""
    heads: dict[str, Head] = {}

    def take(per_hour: float) -> Step:
        asked = replace(load, per_hour=per_hour)
        # Before the word: a Ctrl-C while its pictures are drawn was seen to get lost.
        shift, lanes = Shift(site, asked, heads), len(site.tokens)
        with _whole_loop() as loop:
            say(f"{lanes} lanes, {per_hour:g} passages an hour of each, for {load.seconds:g} s …")
            step = summed_up(asked, loop.run(shift.run()))
        say(in_words(step))
        return step

    most = math.inf if searches else load.per_hour  # where the first is the most, nothing else is tried
    return steps(bisection.search(load.per_hour, lambda carried: FINEST * carried, most), take)


@contextmanager
def _whole_loop() -> Iterator[asyncio.Runner]:
    """As `asyncio.run` has it, but Ctrl-C waits until the loop is whole: half of one cannot be closed."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    with asyncio.Runner() as runner:
        try:
            runner.get_loop()
        finally:
            signal.signal(signal.SIGINT, before)
        if pressed:
            raise KeyboardInterrupt
        yield runner


def carried(taken: Sequence[Step]) -> Figure:
    """The most passages that did not break the desk."""
    return Figure(name=("passages carried",), value=most_carried(taken), unit="/s", better="higher")


def summed_up(load: Load, seen: Observed) -> Step:
    row = (f"{load.per_hour:g} a lane and hour",)
    sent_at = seen.sent_at
    on_screen_ns = [ended - sent_at[one] for one, ended in seen.on_screen_ns.items() if one in sent_at]
    on_screen = times(("on screen", *row), on_screen_ns)
    decided = times(("decided", *row), list(seen.decided_ns.values()), better=None)
    late = times(("late", *row), seen.late_ns, better=None)
    undecided = len(seen.sent_at) - len(seen.decided_ns)
    never = len(seen.sent_at.keys() - seen.on_screen_ns.keys())
    reasons = {
        "requests failed": bool(seen.errors),
        "referrals never reached the screen": never > 0,
        "referrals were not decided: too few officers, or too slow a desk": undecided > 0,
        f"on screen later than {ON_SCREEN_P95_MS:g} ms (p95)": _over(on_screen, ON_SCREEN_P95_MS),
        f"lanes waited longer than {LATE_P95_MS:g} ms (p95)": _over(late, LATE_P95_MS),
    }
    broken = tuple(reason for reason, holds in reasons.items() if holds)
    per_second = round(seen.passages / load.seconds, 3)
    numbers = {
        "passages per second": per_second,
        "passages": seen.passages,
        "referrals": len(seen.sent_at),
        "undecided at the end": undecided,
        "never on screen": never,
    }
    step = ("steps", *row)
    carried = Figure(name=(*step, "carried"), value=int(not broken), note="; ".join(broken))
    errors = counts(("errors", *row), seen.errors)
    return Step(per_second, broken, (on_screen, decided, late, carried, *counts(step, numbers), *errors))


def in_words(step: Step) -> str:
    on_screen, decided, _, _, *others = step.figures
    referrals = next(one.number for one in others if one.name[-1] == "referrals")
    return (
        f"{step.load:.2f} passages/s, {referrals} referred: on screen "
        f"{quantiles(on_screen, 'p50', 'p95', 'p99')}; decided {quantiles(decided, 'p95')}; "
        f"{'; '.join(step.broken) or 'carried'}"
    )


def _over(late: Figure, most_ms: float) -> bool:
    return late.quantiles.get("p95", 0.0) > most_ms


def draw(result: Result, title: str) -> Drawing:
    """How late referrals come at each load. A ring marks a step that broke."""
    axes = beside_legend(title)
    steps = {
        one.number or 0.0: one.name[1]
        for one in result.under("steps")
        if one.name[-1] == "passages per second" and result["on screen", one.name[1]].quantiles
    }
    for place, name in enumerate(("p50", "p95", "p99")):
        points = [(load, result["on screen", step].quantiles[name]) for load, step in sorted(steps.items())]
        line(axes, points, place, name, marker="o")
        for load, late_ms in points:
            if not result["steps", steps[load], "carried"].number:
                ring(axes, (load, late_ms), place)
    from_zero(axes, "passages a second", "on the officer's screen after, ms")
    return finish(axes, "ring: it broke there")
