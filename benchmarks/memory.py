"""A process's own memory over time, and whether it grows."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError

EVERY_S = 1.0
WINDOWS = 20
"""A slope is fitted through the means of so many equal parts: what a cache does within one is no growth."""
WARM_UP = 0.2
"""This part of the samples, from the start, is left out."""
DRAWS, SEED = 2000, 20260101

Series: TypeAlias = NDArray[np.float64]


@dataclass(slots=True)
class Samples:
    """Seconds since the start, and MB of memory that no file backs and nobody shares (RssAnon)."""

    at_s: list[float] = field(default_factory=list)
    mb: list[float] = field(default_factory=list)

    def add(self, at_s: float, mb: float) -> None:
        """One more."""
        self.at_s.append(at_s)
        self.mb.append(mb)

    def told(self) -> dict[str, Any]:
        """First, last and most, and the slope of what is left after the warm-up, with a 95 % interval."""
        if not self.mb:
            return {"samples": 0}
        return {
            "samples": len(self.mb),
            "first_mb": round(self.mb[0], 2),
            "last_mb": round(self.mb[-1], 2),
            "most_mb": round(max(self.mb), 2),
            "slope_mb_per_hour": slope_per_hour(self.at_s, self.mb),
        }


def slope_per_hour(at_s: Sequence[float], values: Sequence[float]) -> dict[str, float] | None:
    """Least squares through the means of the windows, and its 95 % interval by drawing them anew.

    None where there are too few samples to tell.
    """
    skipped = round(len(values) * WARM_UP)
    kept_s, kept = np.asarray(at_s[skipped:], float), np.asarray(values[skipped:], float)
    if len(kept) < 2 * WINDOWS:
        return None
    x = np.array([part.mean() for part in np.array_split(kept_s, WINDOWS)]) / 3600
    y = np.array([part.mean() for part in np.array_split(kept, WINDOWS)])
    drawn = np.random.default_rng(SEED).integers(0, WINDOWS, (DRAWS, WINDOWS))
    low, high = np.quantile([_slope(x[one], y[one]) for one in drawn], (0.025, 0.975))
    return {"slope": round(_slope(x, y), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def _slope(x: Series, y: Series) -> float:
    off = x - x.mean()
    spread = float(off @ off)
    return float(off @ y) / spread if spread else 0.0


def own_mb(pid: int) -> float | None:
    """MB of a process's own memory; None where it has ended."""
    try:
        told = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return None
    kb = next((line.split()[1] for line in told.splitlines() if line.startswith("RssAnon:")), None)
    return None if kb is None else int(kb) / 1024


@contextmanager
def sampled(processes: dict[str, Callable[[], int | None]]) -> Iterator[dict[str, Samples]]:
    """Samples of each process, taken beside the block once a second. BenchmarkError beside Linux."""
    if not Path("/proc/self/status").exists():
        raise BenchmarkError("memory is read from /proc, which this system has not")
    samples = {name: Samples() for name in processes}
    ended = threading.Event()

    def work() -> None:
        began_s = time.monotonic()
        while not ended.wait(EVERY_S):
            for name, pid_of in processes.items():
                pid = pid_of()
                if pid is not None and (mb := own_mb(pid)) is not None:
                    samples[name].add(time.monotonic() - began_s, mb)

    thread = threading.Thread(target=work, name="memory", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
