"""How much of a site one desk carries: referrals on the screen, decisions back, and where it breaks."""

import asyncio
import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from benchmarks.desk.desk_site import Site
from benchmarks.desk.http_load import Load, Seen, Shift, elapsed
from benchmarks.harness.bisection import once, search, tell
from benchmarks.harness.timing import spread
from lane.ledger.chain import Head

ON_SCREEN_P95_MS = 500.0
"""The aim: a referral is on the officer's screen within half a second."""
LATE_P95_MS = 1000.0
"""A lane that is told to wait so long has the next passenger before the door."""
FINEST = 0.25
"""A search ends once what broke is no more than this share above what was carried."""


def measure(
    site: Site, load: Load, *, searches: bool, say: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """The load, and where `searches` is wished more and less of it, up to where the desk breaks."""
    heads: dict[str, Head] = {}
    first = load.per_hour
    trying = search(first, lambda carried: FINEST * carried, math.inf) if searches else once(first)
    per_hour: float | None = next(trying)
    while per_hour is not None:
        load = replace(load, per_hour=per_hour)
        # Before the word: a Ctrl-C while its pictures are drawn was seen to get lost.
        shift, lanes = Shift(site, load), len(site.tokens)
        with _whole_loop() as loop:
            say(f"{lanes} lanes, {load.per_hour:g} passages an hour of each, for {load.seconds:g} s …")
            step = told(load, loop.run(shift.run(heads)), lanes=lanes)
        yield step
        per_hour = tell(trying, carried=not step["broken"])


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


def told(load: Load, seen: Seen, lanes: int) -> dict[str, Any]:
    """One step as JSON values."""
    undecided = len(seen.sent_at) - len(seen.decided_ns)
    found: dict[str, Any] = {
        "lanes": lanes,
        "passages_per_lane_and_hour": load.per_hour,
        "passages": seen.passages,
        "passages_per_second": round(seen.passages / load.seconds, 3),
        "referrals": len(seen.sent_at),
        "undecided_at_the_end": undecided,
        "never_on_screen": len(seen.sent_at.keys() - seen.on_screen_ns.keys()),
        "errors": dict(seen.errors),
        "late": _spread(seen.late_ns),
        "on_screen": _spread(elapsed(seen, lambda one: one.on_screen_ns)),
        "decided": _spread(list(seen.decided_ns.values())),
    }
    return found | {"broken": _broken(found)}


def _broken(found: dict[str, Any]) -> list[str]:
    """Why this is more than the desk carries; empty where it carries it."""
    why = {
        "requests failed": bool(found["errors"]),
        "referrals never reached the screen": found["never_on_screen"] > 0,
        "referrals were not decided: too few officers, or too slow a desk": found["undecided_at_the_end"] > 0,
        f"on screen later than {ON_SCREEN_P95_MS:g} ms (p95)": _over(found["on_screen"], ON_SCREEN_P95_MS),
        f"lanes waited longer than {LATE_P95_MS:g} ms (p95)": _over(found["late"], LATE_P95_MS),
    }
    return [reason for reason, holds in why.items() if holds]


def _over(times: dict[str, Any] | None, most_ms: float) -> bool:
    return times is not None and times["p95_ms"] > most_ms


def _spread(samples_ns: list[int]) -> dict[str, Any] | None:
    return dict(spread(samples_ns)) if samples_ns else None
