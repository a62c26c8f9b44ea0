"""Time in nanoseconds, and what many samples of it come to."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np

from benchmarks.harness.result import Clock, Figure, Name, NotAvailable
from lane.capture.measuring import Stopwatch

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


class StageWatch(Stopwatch):
    """The lane's stopwatch, kept to the nanosecond for stages of a few microseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.stages_ns: dict[str, int] = defaultdict(int)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        started = time.perf_counter_ns()
        try:
            yield
        finally:
            self.stages_ns[stage] += time.perf_counter_ns() - started


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
    """What the figures were taken with."""
    info = time.get_clock_info("perf_counter")
    try:
        source = CLOCK_SOURCE.read_text(encoding="ascii").strip()
    except OSError:
        source = None
    return Clock(function="perf_counter_ns", implementation=info.implementation, source=source)
