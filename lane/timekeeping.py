"""Whether the wall clock runs as steadily as the other one: documents expire by it, facts bear its dates."""

from datetime import datetime

from lane.evidence import Check
from lane.ports import Clock

MOST_STEP_S = 2.0
"""A clock that is kept right by small steps never moves so far at once."""


class Timekeeper:
    """Holds the two clocks of a lane against each other, from one look to the next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = self._look()

    def check(self) -> Check:
        """FAILED where the wall clock was set since the last look; the next look starts from here."""
        before, self._last = self._last, self._look()
        passed_s = self._last[1] - before[1]
        told_s = (self._last[0] - before[0]).total_seconds()
        return Check.SUCCESSFUL if abs(told_s - passed_s) <= MOST_STEP_S else Check.FAILED

    def _look(self) -> tuple[datetime, float]:
        return self._clock.now(), self._clock.monotonic_s()
