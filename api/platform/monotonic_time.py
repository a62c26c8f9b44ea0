"""The time by which faces are erased: the desk's clock, but never ahead of the time that really passed.

A clock that is set ahead would make all faces due at once, and erasing cannot be undone.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

log = structlog.get_logger(__name__)

MOST_STEP = timedelta(minutes=1)
"""Time synchronisation never moves a clock so far at once."""


class ClockAheadError(Exception):
    """The clock was set ahead."""


def since_boot_s() -> float:
    """Seconds by a clock that cannot be set; where the system has one that counts sleep too, by that."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class ErasureClock:
    """The time of day, checked against a clock that cannot be set. Any thread may call it.

    Once the time of day was set ahead, time goes on by the other clock, until the time of day is set back or
    the desk is started again, by which an operator confirms it. A clock that is set back is followed: faces
    are then erased later, which can be put right.
    """

    def __init__(self, clock: Callable[[], datetime], elapsed_s: Callable[[], float] = since_boot_s) -> None:
        self._clock, self._elapsed_s = clock, elapsed_s
        self._lock = threading.Lock()
        self._right = clock(), elapsed_s()
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """Now, aware, UTC; where the clock was set ahead, the time without that."""
        with self._lock:
            now, elapsed_s = self._clock(), self._elapsed_s()
            before, before_s = self._right
            due = before + timedelta(seconds=elapsed_s - before_s)
            was_ahead, self._ahead = self._ahead, now - due
            if abs(self._ahead) <= MOST_STEP:
                self._right = now, elapsed_s
            if self._ahead > MOST_STEP >= was_ahead:
                log.error("clock set ahead: faces stay until their time has passed", by=str(self._ahead))
            return due if self._ahead > MOST_STEP else now

    def must_agree(self) -> None:
        """Raises ClockAheadError where the clock was set ahead.

        Somebody must set it back or, where it is right now, start the desk again.
        """
        self()
        if self._ahead > MOST_STEP:
            raise ClockAheadError
