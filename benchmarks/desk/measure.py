"""How much of a site one desk carries: referrals on the screen, decisions back, and where it breaks."""

import asyncio
import math
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks.desk.http_load import Load, Observed, Shift
from benchmarks.harness.bisection import next_load, once, search
from benchmarks.harness.desk_site import Site
from benchmarks.harness.plots import Drawing, beside_legend, finish, from_zero, line, ring
from benchmarks.harness.result import Figure, Result, counts
from benchmarks.harness.tables import quantiles
from benchmarks.harness.timing import times
from lane.ledger.entry import Head

ON_SCREEN_P95_MS = 500.0
"""The aim: a referral is on the officer's screen within half a second."""
LATE_P95_MS = 1000.0
"""A lane that must wait so long has the next passenger before the door."""
FINEST = 0.25
"""A search ends once what broke is no more than this share above what was carried."""


@dataclass(frozen=True, slots=True)
class Step:
    passages_per_second: float
    broken: tuple[str, ...]
    """Why this is more than the desk carries; empty where it carries it."""
    figures: tuple[Figure, ...]


def measure(site: Site, load: Load, *, searches: bool, say: Callable[[str], None]) -> Iterator[Step]:
    """The load, and where `searches` is wished more and less of it, up to where the desk breaks."""
    heads: dict[str, Head] = {}
    first = load.per_hour
    trying = search(first, lambda carried: FINEST * carried, math.inf) if searches else once(first)
    per_hour: float | None = next(trying)
    while per_hour is not None:
        load = replace(load, per_hour=per_hour)
        # Before the word: a Ctrl-C while its pictures are drawn was seen to get lost.
        shift, lanes = Shift(site, load, heads), len(site.tokens)
        with _whole_loop() as loop:
            say(f"{lanes} lanes, {load.per_hour:g} passages an hour of each, for {load.seconds:g} s …")
            step = summed_up(load, loop.run(shift.run()))
        say(in_words(step))
        yield step
        per_hour = next_load(trying, carried=not step.broken)


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


def carried(steps: Sequence[Step]) -> Figure:
    """The most passages that did not break the desk."""
    most = max((step.passages_per_second for step in steps if not step.broken), default=0.0)
    return Figure(name=("passages carried",), value=most, unit="/s", better="higher")


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
        f"{step.passages_per_second:.2f} passages/s, {referrals} referred: on screen "
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
