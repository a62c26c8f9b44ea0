"""The queue's board: one read of who waits serves everybody who looks at that moment.

A new case wakes every open page at once. Each of them asking the database for the same list made the last
officer wait for all the others'; now the first one asks, and each page leaves out what is not its officer's.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.errors import StoreBusyError
from api.platform.events import Broker
from api.review.cases import queue
from api.review.cases.queue import Referral

FRESH = timedelta(seconds=1)
"""So long does a read serve where nothing was told: leases end without a word."""
DECIDED = 50
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What one officer may see of the queue."""

    waiting: list[Referral]
    decided: list[Referral]
    """The last of them, the newest first."""
    total: int
    """How many wait, however many are listed."""


@dataclass(frozen=True, slots=True)
class _Read:
    """The whole queue at one moment, and how many changes had been told before it was read."""

    changes: int
    at: datetime
    waiting: tuple[Referral, ...]
    decided: tuple[Referral, ...]

    def serves(self, changes: int, now: datetime) -> bool:
        """False after anything was told, and for a clock that was set back."""
        return self.changes == changes and timedelta(0) <= now - self.at < FRESH

    @property
    def is_whole(self) -> bool:
        """Whether nobody waits who is not in it."""
        return len(self.waiting) < queue.MOST_LISTED


@dataclass(slots=True)
class Board:
    """One worker's. It shows nobody a case that `queue.listed` would not."""

    database: Database
    broker: Broker
    clock: Callable[[], datetime]
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _last: _Read | None = None

    def shown(self, officer: SignedInOfficer, decided: int) -> Shown:
        """The queue as this officer may see it, with at most so many that are `decided`."""
        read = self._read()
        if not read.is_whole:
            return self._asked(officer, decided)
        waiting = [one for one in read.waiting if queue.has_duty(one, officer)]
        over = [one for one in read.decided if queue.has_duty(one, officer)]
        if len(over) < decided and len(read.decided) == DECIDED:
            return self._asked(officer, decided)
        total = len(read.waiting) if officer.supervises else len(waiting)
        return Shown(waiting, over[:decided], total)

    def _read(self) -> _Read:
        """The last read where it serves, or a new one; who comes meanwhile waits for that.

        Raises StoreBusyError where the database does not answer.
        """
        last = self._last
        if last is not None and last.serves(self.broker.changes, self.clock()):
            return last
        if not self._turn.acquire(timeout=PATIENCE_S):
            raise StoreBusyError
        try:
            changes, now = self.broker.changes, self.clock()
            if self._last is None or not self._last.serves(changes, now):
                self._last = self._read_now(changes, now)
            return self._last
        finally:
            self._turn.release()

    def _read_now(self, changes: int, now: datetime) -> _Read:
        with self.database.read() as session:
            waiting = queue.listed(session, "waiting", None, at=now)
            decided = queue.listed(session, "decided", None, at=now, limit=DECIDED)
        return _Read(changes, now, tuple(waiting), tuple(decided))

    def _asked(self, officer: SignedInOfficer, decided: int) -> Shown:
        """More wait than are listed: the database says which of them come first for this officer."""
        now = self.clock()
        with self.database.read() as session:
            return Shown(
                queue.listed(session, "waiting", officer, at=now),
                queue.listed(session, "decided", officer, at=now, limit=decided),
                queue.count_waiting(session, officer),
            )
