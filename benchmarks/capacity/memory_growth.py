"""A process's own memory over time, and whether it grows."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import Figure, Name, NotAvailable

EVERY_S = 1.0
WINDOWS = 20
"""A slope is fitted through the means of so many equal parts: what a cache does within one is no growth."""
WARM_UP = 0.2
"""This part of the samples, from the start, is left out."""
DRAWS, SEED = 2000, 20260101

Series: TypeAlias = NDArray[np.float64]


class Samples:
    """When, in seconds since the start, and MB of its own memory."""

    def __init__(self) -> None:
        self.at_s: list[float] = []
        self.mb: list[float] = []

    def figures(self, row: Name) -> Iterator[Figure]:
        """First, last and most, and the slope of what is left after the warm-up."""
        at_s, mb = np.array(self.at_s), np.array(self.mb)
        yield Figure(name=(*row, "samples"), value=len(mb))
        if not len(mb):
            return
        for name, one in {"first mb": mb[0], "last mb": mb[-1], "most mb": mb.max()}.items():
            yield Figure(name=(*row, name), value=round(float(one), 2))
        yield slope_per_hour((*row, "slope"), at_s, mb)


def slope_per_hour(name: Name, at_s: Series, mb: Series) -> Figure:
    """Least squares through the means of the windows, and its 95 % interval by drawing them anew.

    Not available where there are too few samples.
    """
    skipped = round(len(mb) * WARM_UP)
    kept_s, kept = at_s[skipped:], mb[skipped:]
    if len(kept) < 2 * WINDOWS:
        return Figure(name=name, value=NotAvailable(not_available="too few samples"))
    x = np.array([part.mean() for part in np.array_split(kept_s, WINDOWS)]) / 3600
    y = np.array([part.mean() for part in np.array_split(kept, WINDOWS)])
    drawn = np.random.default_rng(SEED).integers(0, WINDOWS, (DRAWS, WINDOWS))
    low, high = np.quantile([_slope(x[one], y[one]) for one in drawn], (0.025, 0.975))
    interval = (round(float(low), 3), round(float(high), 3))
    return Figure(name=name, value=round(_slope(x, y), 3), unit="MB/h", better="lower", interval=interval)


def _slope(x: Series, y: Series) -> float:
    off = x - x.mean()
    spread = float(off @ off)
    return float(off @ y) / spread if spread else 0.0


def own_kb(pid: int) -> int | None:
    """KB of memory that no file backs and nobody shares; None where the process has ended."""
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.NoSuchProcess:
        return None
    return (memory.rss - memory.shared) // 1024


@contextmanager
def sampled(pids: Callable[[], Mapping[str, int]]) -> Iterator[dict[str, Samples]]:
    """Samples of each process by its name, taken beside the block once a second.

    BenchmarkError where this is not Linux.
    """
    if not psutil.LINUX:
        raise BenchmarkError("which memory is shared is known on Linux alone")
    samples: dict[str, Samples] = defaultdict(Samples)
    ended = threading.Event()

    def work() -> None:
        began_s = time.monotonic()
        while not ended.wait(EVERY_S):
            for name, pid in pids().items():
                if (kb := own_kb(pid)) is not None:
                    samples[name].at_s.append(time.monotonic() - began_s)
                    samples[name].mb.append(kb / 1024)

    thread = threading.Thread(target=work, name="memory", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
