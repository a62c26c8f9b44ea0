"""The time by which faces are erased: the desk's clock, but never ahead of the time that passed.

A clock that is set ahead makes everything old at once, and what is erased is gone for good.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

log = structlog.get_logger(__name__)

MOST_STEP = timedelta(minutes=1)
"""A clock that is kept right by small steps never moves so far at once."""


class ClockAheadError(Exception):
    """The clock was set ahead."""


def since_boot_s() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class ErasureClock:
    """Both clocks of a desk from its start on. Once one was set ahead, time goes on by the other.

    It does so until the clock is set back, or the desk is started again: whoever does so says that the clock
    is right. A clock that is set back is followed, since what is erased later is not lost, and may be set
    right again. Any thread may ask.
    """

    def __init__(self, clock: Callable[[], datetime], elapsed_s: Callable[[], float] = since_boot_s) -> None:
        self._clock, self._elapsed_s = clock, elapsed_s
        self._lock = threading.Lock()
        self._right = clock(), elapsed_s()
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """Aware, UTC: now, or what it would be had nobody set the clock ahead."""
        with self._lock:
            told, elapsed_s = self._clock(), self._elapsed_s()
            before, before_s = self._right
            due = before + timedelta(seconds=elapsed_s - before_s)
            was_ahead, self._ahead = self._ahead, told - due
            if abs(self._ahead) <= MOST_STEP:
                self._right = told, elapsed_s
            if self._ahead > MOST_STEP >= was_ahead:
                log.error("clock set ahead: faces stay until their time has passed", by=str(self._ahead))
            return due if self._ahead > MOST_STEP else told

    def must_agree(self) -> None:
        """Raises ClockAheadError where the clock was set ahead.

        Somebody must set it back or, where it is right now, start the desk again.
        """
        self()
        if self._ahead > MOST_STEP:
            raise ClockAheadError
