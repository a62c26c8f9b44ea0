"""A process's own memory over time, and whether it grows."""

import threading
import time
from collections.abc import Callable, Iterator
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


class Kept:
    """Up to `most` numbers, in memory that is taken at once: who measures growth must not grow."""

    def __init__(self, most: int) -> None:
        self._values, self._count = np.full(most, -1, np.int64), 0

    def add(self, value: int) -> None:
        """One more, where there is room."""
        if self._count < len(self._values):
            self._values[self._count] = value
            self._count += 1

    @property
    def values(self) -> NDArray[np.int64]:
        """In the order in which they came."""
        return self._values[: self._count]


class Samples:
    """When, in ms since the start, and KB of its own memory."""

    def __init__(self, most: int) -> None:
        self._at_ms, self._kb = Kept(most), Kept(most)

    def add(self, at_s: float, kb: int) -> None:
        """One more."""
        self._at_ms.add(round(at_s * 1000))
        self._kb.add(kb)

    def figures(self, row: Name) -> Iterator[Figure]:
        """First, last and most, and the slope of what is left after the warm-up."""
        at_s, mb = self._at_ms.values / 1000, self._kb.values / 1024
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
def sampled(processes: dict[str, Callable[[], int | None]], seconds: float) -> Iterator[dict[str, Samples]]:
    """Samples of each process, taken beside the block once a second. BenchmarkError beside Linux."""
    if not psutil.LINUX:
        raise BenchmarkError("which memory is shared is known on Linux alone")
    samples = {name: Samples(round(2 * seconds / EVERY_S) + 60) for name in processes}
    ended = threading.Event()

    def work() -> None:
        began_s = time.monotonic()
        while not ended.wait(EVERY_S):
            for name, pid_of in processes.items():
                pid = pid_of()
                if pid is not None and (kb := own_kb(pid)) is not None:
                    samples[name].add(time.monotonic() - began_s, kb)

    thread = threading.Thread(target=work, name="memory", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
