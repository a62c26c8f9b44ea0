"""An officer's shift: start, breaks, and end, with which cases go back to the queue or to a colleague.

The colleague judges such a case blind, like any other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.people import officers
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.database.tables import ShiftRow
from api.platform.errors import OfficerUnknownError
from api.platform.events import Broker, Event
from api.platform.settings import Settings
from api.review import shifts
from api.review.cases import queue
from api.review.prepared import inserted

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShiftState:
    """A shift at one moment; `break_due_at` is None during a break."""

    started_at: datetime
    stretch_began_at: datetime
    on_break: bool
    break_due_at: datetime | None
    break_due: bool
    planned_end_at: datetime
    left_minutes: int
    """How long the shift still runs by the plan; 0 once that is over."""


@dataclass(frozen=True, slots=True)
class EndedShift:
    """What happened to the cases that the officer had."""

    handed: tuple[str, ...]
    released: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnShift:
    """The use cases of an officer's own shift."""

    settings: Settings
    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def show(self, officer: SignedInOfficer) -> ShiftState | None:
        """The officer's shift; None where the officer is on none."""
        with self.database.read() as session:
            row = shifts.of_officer(session, officer.pseudonym)
            return None if row is None else self._state(row)

    def colleagues(self, officer: SignedInOfficer) -> list[SignedInOfficer]:
        """Who is on a shift and may take over this officer's cases, by name."""
        with self.database.read() as session:
            found = officers.colleagues(session, shifts.on_duty(session, at=self.clock()))
        return [one for one in found if _may_follow(one, officer)]

    def colleague_named(self, name: str, officer: SignedInOfficer) -> str:
        """The pseudonym of a colleague who may take over. Raises OfficerUnknownError."""
        for colleague in self.colleagues(officer):
            if colleague.name == name:
                return colleague.pseudonym
        raise OfficerUnknownError

    def start(self, officer: SignedInOfficer) -> ShiftState:
        """Begin, or come back from a break."""
        with self.database.write() as session:
            state = self._state(shifts.start(session, officer.pseudonym, at=self.clock()))
        self._publish(officer)
        return state

    def pause(self, officer: SignedInOfficer) -> ShiftState:
        """Take a break; the officer's cases go back. Raises NoShiftError."""
        with self.database.write() as session:
            now = self.clock()
            state = self._state(shifts.pause(session, officer.pseudonym, at=now))
            released = inserted.leave(session, officer.pseudonym, at=now)
        self._publish(officer, *released)
        return state

    def end(self, officer: SignedInOfficer, note: str, to: str | None) -> EndedShift:
        """End the shift; the officer's cases go to the colleague `to` as far as that one may take them.

        Raises NoShiftError or OfficerUnknownError.
        """
        with self.database.write() as session:
            now, lease = self.clock(), timedelta(seconds=self.settings.lease_s)
            colleague = None if to is None else officers.colleague(session, to)
            if colleague is not None and not _may_follow(colleague, officer):
                raise OfficerUnknownError
            released = queue.release_all(session, officer.pseudonym, at=now)
            handed = [
                passage
                for passage in released
                if colleague and queue.hand_to(session, passage, colleague, at=now, lease=lease)
            ]
            released += inserted.release_all(session, officer.pseudonym, at=now)
            shifts.end(session, officer.pseudonym, note, to, handed, at=now)
        self._publish(officer, *released)
        return EndedShift(tuple(handed), tuple(one for one in released if one not in handed))

    def _publish(self, officer: SignedInOfficer, *passages: str) -> None:
        log.info("staff.changed", officer=officer.pseudonym)
        self.broker.publish(Event("staff.changed", officer.pseudonym))
        for passage in passages:
            self.broker.publish(Event("referral.changed", passage))

    def _state(self, row: ShiftRow) -> ShiftState:
        on_break = row.paused_at is not None
        due_at = row.stretch_at + timedelta(minutes=self.settings.stretch_minutes)
        due = not on_break and self.clock() >= due_at
        end_at = row.started_at + timedelta(hours=self.settings.shift_hours)
        left = max(0, (end_at - self.clock()) // timedelta(minutes=1))
        return ShiftState(
            row.started_at, row.stretch_at, on_break, None if on_break else due_at, due, end_at, left
        )


def _may_follow(colleague: SignedInOfficer, officer: SignedInOfficer) -> bool:
    return colleague.works and colleague.pseudonym != officer.pseudonym
