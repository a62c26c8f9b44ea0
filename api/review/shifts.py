"""Shifts: who is on duty, since when without a break, and which cases are handed over at the end.

A shift ends by its officer's word. One that was left open the day before is closed when the next begins. A
case goes back to the queue, or to a colleague, who judges it blind like any other. This module is the
`api.people.sign_in.Casework` of the desk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from api.ledger import chain
from api.people import officers
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.database.tables import ShiftRow
from api.platform.errors import NoShiftError, OfficerUnknownError
from api.platform.events import Broker, Event
from api.platform.settings import Settings
from api.review.cases import queue
from api.review.cases.decisions import note_hash
from api.review.prepared import inserted

log = structlog.get_logger(__name__)

LONGEST = timedelta(hours=16)
"""After so long, a shift counts as left open."""


def of_officer(session: Session, officer: str) -> ShiftRow | None:
    query = select(ShiftRow).where(ShiftRow.officer == officer, ShiftRow.ended_at.is_(None))
    return session.scalars(query.order_by(ShiftRow.started_at.desc()).limit(1)).one_or_none()


def on_site(session: Session, *, at: datetime) -> list[str]:
    """Officers on a shift, also during a break."""
    return list(session.scalars(_on_shift(at)))


def on_duty(session: Session, *, at: datetime) -> list[str]:
    """Officers on a shift and on no break."""
    return list(session.scalars(_on_shift(at).where(ShiftRow.paused_at.is_(None))))


def _on_shift(at: datetime) -> Select[str]:
    query = select(ShiftRow.officer).where(ShiftRow.ended_at.is_(None), ShiftRow.started_at > at - LONGEST)
    return query.distinct()


def leave(session: Session, officer: str, *, at: datetime) -> list[str]:
    """Give back every case of a leaving officer, travellers' and prepared ones; return which."""
    return queue.release_all(session, officer, at=at) + inserted.release_all(session, officer, at=at)


release_others = queue.release_others  # one of the functions of `Casework`


def unanswerable(session: Session, *, at: datetime) -> list[str]:
    """Cases that wait while no one on site may answer them."""
    present = officers.colleagues(session, on_site(session, at=at))
    return queue.unanswerable(session, present, at=at)


def start(session: Session, officer: str, *, at: datetime) -> ShiftRow:
    """Begin a shift, or come back from a break; nothing where the officer is on duty already."""
    row = of_officer(session, officer)
    if row is not None and at - row.started_at > LONGEST:
        _end(session, row, "", None, (), at=at)
        row = None
    if row is None:
        row = ShiftRow(id=str(uuid4()), officer=officer, started_at=at, stretch_at=at)
        session.add(row)
        session.flush()
        _record(session, "shift.started", row, at=at)
    elif row.paused_at is not None:
        row.stretch_at, row.paused_at = at, None
        session.flush()
        _record(session, "shift.resumed", row, at=at)
    return row


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
    handed: tuple[str, ...]
    released: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnShift:
    settings: Settings
    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def show(self, officer: SignedInOfficer) -> ShiftState | None:
        with self.database.read() as session:
            row = of_officer(session, officer.pseudonym)
            return None if row is None else self._state(row)

    def colleagues(self, officer: SignedInOfficer) -> list[SignedInOfficer]:
        """Who is on a shift and may take over this officer's cases, by name."""
        with self.database.read() as session:
            found = officers.colleagues(session, on_duty(session, at=self.clock()))
        return [one for one in found if _may_follow(one, officer)]

    def colleague_named(self, name: str, officer: SignedInOfficer) -> str:
        """The pseudonym of a colleague who may take over. Raises OfficerUnknownError."""
        for colleague in self.colleagues(officer):
            if colleague.name == name:
                return colleague.pseudonym
        raise OfficerUnknownError

    def start(self, officer: SignedInOfficer) -> ShiftState:
        with self.database.write() as session:
            state = self._state(start(session, officer.pseudonym, at=self.clock()))
        self._publish(officer)
        return state

    def pause(self, officer: SignedInOfficer) -> ShiftState:
        """Take a break; the officer's cases go back. Raises NoShiftError."""
        with self.database.write() as session:
            now = self.clock()
            row = _open(session, officer)
            if row.paused_at is None:
                row.paused_at = now
                session.flush()
                _record(session, "shift.paused", row, at=now)
            state = self._state(row)
            released = leave(session, officer.pseudonym, at=now)
        self._publish(officer, *released)
        return state

    def end(self, officer: SignedInOfficer, note: str, to: str | None) -> EndedShift:
        """Hand over what the colleague `to` may take. Raises NoShiftError or OfficerUnknownError."""
        with self.database.write() as session:
            now, lease = self.clock(), timedelta(seconds=self.settings.lease_s)
            colleague = None if to is None else officers.colleague(session, to)
            if colleague is not None and not _may_follow(colleague, officer):
                raise OfficerUnknownError
            released = queue.release_all(session, officer.pseudonym, at=now)
            handed = []
            for passage in released:
                if colleague and queue.may_take(queue.one(session, passage, at=now), colleague):
                    queue.claim(session, passage, colleague, at=now, lease=lease)
                    handed.append(passage)
            released += inserted.release_all(session, officer.pseudonym, at=now)
            _end(session, _open(session, officer), note, to, handed, at=now)
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


def _open(session: Session, officer: SignedInOfficer) -> ShiftRow:
    row = of_officer(session, officer.pseudonym)
    if row is None:
        raise NoShiftError
    return row


def _end(
    session: Session, row: ShiftRow, note: str, to: str | None, handed: Sequence[str], *, at: datetime
) -> None:
    row.ended_at, row.note, row.handed_to = at, note, to
    session.flush()
    body = {
        "shift": row.id,
        "officer": row.officer,
        "note_sha256": note_hash(note),
        "to": to,
        "handed": list(handed),
    }
    chain.append(session, "shift.ended", body, at=at)


def _record(session: Session, kind: str, row: ShiftRow, *, at: datetime) -> None:
    chain.append(session, kind, {"shift": row.id, "officer": row.officer}, at=at)
