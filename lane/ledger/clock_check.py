"""Whether the wall clock can be trusted: documents expire by it, and facts bear its dates."""

import threading
from datetime import datetime

from lane.decision.evidence import Check
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import Clock

MOST_STEP_S = 2.0
"""A clock that is kept right by small steps never moves so far at once."""
_ONE_MOMENT_S, _TRIES = 0.5, 10
MOST_APART_S = 5.0
"""How far the lane's clock and the desk's may be apart: the desk sends whole seconds, with some delay."""


CLOCK = "lane.clock"
"""The fact that the clock counts as wrong from here on, or as right again."""


def clock_fact(*, trusted: bool, by: str) -> Draft:
    """`by` says who found it: the lane, or a person beside it."""
    return Draft(CLOCK, {"trusted": trusted, "by": by})


def clock_is_doubted(journal: SqliteJournal) -> bool:
    """Whether the last fact about the clock says that it is wrong. Raises JournalError."""
    last = journal.last(CLOCK)
    return last is not None and last["trusted"] is not True


class Timekeeper:
    """Compares a lane's wall clock with its monotonic clock, and with the desk's clock.

    Once the wall clock was set, or differs from the desk's, it counts as wrong until the desk's clock agrees
    or a person confirms it; a restart proves nothing. `doubted`: it counted as wrong when the lane ended.
    `last` is the time of the last fact before this start: a clock before it is wrong. Any thread may call.
    """

    def __init__(self, clock: Clock, last: datetime | None = None, *, doubted: bool = False) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = self._look()
        back = last is not None and (last - self._last[0]).total_seconds() > MOST_STEP_S
        self._doubted = doubted or back

    def check(self) -> Check:
        """FAILED where the wall clock was set, and no desk has confirmed it since."""
        with self._lock:
            self._step()
            return Check.FAILED if self._doubted else Check.SUCCESSFUL

    def trusts(self) -> bool:
        """Whether the wall clock may be relied on."""
        return self.check() is Check.SUCCESSFUL

    def note_desk(self, desk_time: datetime) -> None:
        """Compare with the desk's clock, which shows this time now."""
        with self._lock:
            self._step()
            self._doubted = abs((self._last[0] - desk_time).total_seconds()) > MOST_APART_S

    def _step(self) -> None:
        before, self._last = self._last, self._look()
        passed_s = self._last[1] - before[1]
        wall_s = (self._last[0] - before[0]).total_seconds()
        if not abs(wall_s - passed_s) <= MOST_STEP_S:  # NaN is no proof
            self._doubted = True

    def _look(self) -> tuple[datetime, float]:
        """Both clocks at one moment: on a busy machine much time may pass between two readings."""
        now, before_s, after_s = self._look_once()
        for _ in range(_TRIES):
            if after_s - before_s <= _ONE_MOMENT_S:
                break
            now, before_s, after_s = self._look_once()
        return now, (before_s + after_s) / 2

    def _look_once(self) -> tuple[datetime, float, float]:
        before_s = self._clock.monotonic_s()
        return self._clock.now(), before_s, self._clock.monotonic_s()
