"""Time in nanoseconds, on as many cores as are asked for, and what many samples of it come to."""

import os
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeVar

import cv2
import numpy as np

from benchmarks.harness.progress import follow
from benchmarks.harness.result import Clock, Figure, Name, NotAvailable
from lane.capture.measuring import Stopwatch
from lane.platform.garbage_collection import settled_garbage

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


class StageWatch(Stopwatch):
    """The lane's stopwatch, read to the nanosecond for stages of a few microseconds."""

    def stage_ns(self, stage: str) -> int:
        return round(self._sums_ms[stage] * 1e6)


def timed(work: Callable[[], T]) -> tuple[T, int]:
    """The answer of some work, and how many nanoseconds it took."""
    started = time.perf_counter_ns()
    answer = work()
    return answer, time.perf_counter_ns() - started


def in_turns(works: Mapping[K, Callable[[int], T]], count: int, what: str) -> dict[K, list[T]]:
    """What each work gives on each turn, whose number it is passed: what slows the machine slows all.

    Every other turn goes the other way round, and after every two another work begins: none is always first.
    """
    found: dict[K, list[T]] = {name: [] for name in works}
    with settled_garbage():
        for number in follow(range(count), what):
            order = deque(works)
            order.rotate(-(number // 2))
            for name in reversed(order) if number % 2 else order:
                found[name].append(works[name](number))
    return found


def times(
    name: Name, samples_ns: Sequence[int], *, better: Literal["lower"] | None = "lower", detail: bool = False
) -> Figure:
    """Median, p90 to p99 and the largest, in ms. Each is one of the samples (nearest rank)."""
    if not samples_ns:
        return Figure(name=name, value=NotAvailable(not_available="nothing was timed"), detail=detail)
    found = np.quantile(samples_ns, tuple(QUANTILES.values()), method="inverted_cdf")
    ns = {**dict(zip(QUANTILES, found, strict=True)), "max": max(samples_ns)}
    p50, *tails = (round(float(one) / 1e6, 4) for one in ns.values())
    named = dict(zip([*QUANTILES, "max"][1:], tails, strict=True))
    return Figure(
        name=name, value=p50, unit="ms", better=better, n=len(samples_ns), tails=named, detail=detail
    )


def ratio(
    name: Name, above: Sequence[float], below: Sequence[float], *, digits: int = 4, **figure: Any
) -> Figure:
    """Two things that were timed in turns, so that what slows the machine slows both: the median of ratios.

    Its 95 % interval is by order statistics: nothing is supposed of how they spread.
    """
    ratios = sorted(one / other for one, other in zip(above, below, strict=True))
    outside = max(0, int(len(ratios) / 2 - 0.98 * len(ratios) ** 0.5))
    interval = (round(ratios[outside], digits), round(ratios[-1 - outside], digits))
    usual = {"unit": "×", "better": "higher"}
    value = round(median(ratios), digits)
    return Figure(name=name, value=value, interval=interval, n=len(ratios), **(usual | figure))


def clock() -> Clock:
    info = time.get_clock_info("perf_counter")
    try:
        source = CLOCK_SOURCE.read_text(encoding="ascii").strip()
    except OSError:
        source = None
    return Clock(function="perf_counter_ns", implementation=info.implementation, source=source)


@contextmanager
def bound(count: int) -> Iterator[None]:
    """Bind this thread, what begins meanwhile and OpenCV to so many cores.

    Where there are no more, or the system cannot bind, nothing is bound.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if count >= len(allowed):
        yield
        return
    threads = cv2.getNumThreads()
    os.sched_setaffinity(0, allowed[:count])
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        cv2.setNumThreads(threads)
