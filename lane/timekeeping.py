"""Whether the wall clock runs as steadily as the other one: documents expire by it, facts bear its dates."""

import threading
from datetime import datetime

from lane.evidence import Check
from lane.ports import Clock

MOST_STEP_S = 2.0
"""A clock that is kept right by small steps never moves so far at once."""
MOST_APART_S = 5.0
"""So far may the lane's clock and the desk's be apart: the desk tells whole seconds, some time ago."""


class Timekeeper:
    """Holds the two clocks of a lane against each other, from one look to the next, and against the desk's.

    Once the wall clock was set, or is another than the desk's, it counts as wrong until the desk's clock
    agrees; at a lane that hears no desk, until somebody starts it again. `last` is when something was written
    down before this start: a clock that lies before it is wrong from the start. Any thread may call.
    """

    def __init__(self, clock: Clock, last: datetime | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = self._look()
        self._doubted = last is not None and (last - self._last[0]).total_seconds() > MOST_STEP_S

    def check(self) -> Check:
        """FAILED where the wall clock was set, and no desk has said since that it is right."""
        with self._lock:
            self._step()
            return Check.FAILED if self._doubted else Check.SUCCESSFUL

    def note_desk(self, told: datetime) -> None:
        """The desk's clock said this just now."""
        with self._lock:
            self._step()
            self._doubted = abs((self._last[0] - told).total_seconds()) > MOST_APART_S

    def _step(self) -> None:
        before, self._last = self._last, self._look()
        passed_s = self._last[1] - before[1]
        told_s = (self._last[0] - before[0]).total_seconds()
        if not abs(told_s - passed_s) <= MOST_STEP_S:  # NaN is no proof
            self._doubted = True

    def _look(self) -> tuple[datetime, float]:
        return self._clock.now(), self._clock.monotonic_s()
