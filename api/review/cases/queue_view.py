"""The queue as officers see it: one read of the database serves all pages that ask at the same moment.

A new case makes every open page ask at once. With a read for each, the last officer waited for all the
others; now the first page reads, and each leaves out the cases that are not for its officer.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.errors import StoreBusyError
from api.platform.events import Broker
from api.review.cases import queue
from api.review.cases.queue import Referral

FRESH = timedelta(seconds=1)
"""How long a snapshot serves without an event: leases end without one."""
DECIDED = 50
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class QueueView:
    waiting: list[Referral]
    decided: list[Referral]
    """The last of them, the newest first."""
    total: int
    """How many wait, however many are listed."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The whole queue at one moment, and how many changes had been published before it was read."""

    changes: int
    at: datetime
    waiting: Sequence[Referral]
    decided: Sequence[Referral]

    def serves(self, changes: int, now: datetime) -> bool:
        """False after a change was published, and for a clock that was set back."""
        return self.changes == changes and timedelta(0) <= now - self.at < FRESH


@dataclass(slots=True)
class QueueReader:
    """Reads the queue, once for all pages of one worker. Shows no case that `queue.listed` would not."""

    database: Database
    broker: Broker
    clock: Callable[[], datetime]
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _last: _Snapshot | None = None

    def view(self, officer: SignedInOfficer, decided: int) -> QueueView:
        """The queue as this officer may see it, with at most so many that are `decided`."""
        snapshot = self._snapshot()
        if len(snapshot.waiting) >= queue.MOST_LISTED:
            return self._from_database(officer, decided)
        waiting = [one for one in snapshot.waiting if queue.has_duty(one, officer)]
        over = [one for one in snapshot.decided if queue.has_duty(one, officer)]
        if len(over) < decided and len(snapshot.decided) == DECIDED:
            return self._from_database(officer, decided)
        total = len(snapshot.waiting) if officer.supervises else len(waiting)
        return QueueView(waiting, over[:decided], total)

    def _snapshot(self) -> _Snapshot:
        """The last snapshot where it still serves, or a new one, for which others wait.

        Raises StoreBusyError.
        """
        last = self._last
        if last is not None and last.serves(self.broker.changes, self.clock()):
            return last
        if not self._turn.acquire(timeout=TIMEOUT_S):
            raise StoreBusyError
        try:
            changes, now = self.broker.changes, self.clock()
            if self._last is None or not self._last.serves(changes, now):
                with self.database.read() as session:
                    waiting = queue.listed(session, "waiting", None, at=now)
                    over = queue.listed(session, "decided", None, at=now, limit=DECIDED)
                self._last = _Snapshot(changes, now, waiting, over)
            return self._last
        finally:
            self._turn.release()

    def _from_database(self, officer: SignedInOfficer, decided: int) -> QueueView:
        """For a queue too long for a snapshot: the database says which cases come first for this officer."""
        now = self.clock()
        with self.database.read() as session:
            return QueueView(
                queue.listed(session, "waiting", officer, at=now),
                queue.listed(session, "decided", officer, at=now, limit=decided),
                queue.count_waiting(session, officer),
            )
