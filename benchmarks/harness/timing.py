"""Time in nanoseconds, and what many samples of it come to."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lane.capture.measuring import Stopwatch

QUANTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}
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


def spread(samples_ns: Sequence[int]) -> dict[str, float | int]:
    """p50 to p99 and the largest, in ms. Each is one of the samples (nearest rank), not between two."""
    found = np.quantile(samples_ns, tuple(QUANTILES.values()), method="inverted_cdf")
    named = {**dict(zip(QUANTILES, found, strict=True)), "max_ms": max(samples_ns)}
    return {**{name: round(float(ns) / 1e6, 4) for name, ns in named.items()}, "n": len(samples_ns)}


def clock() -> dict[str, Any]:
    """What the figures were taken with."""
    info = time.get_clock_info("perf_counter")
    try:
        source = CLOCK_SOURCE.read_text(encoding="ascii").strip()
    except OSError:
        source = None
    return {"function": "perf_counter_ns", "implementation": info.implementation, "source": source}
