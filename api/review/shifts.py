"""Shifts: who is on duty, since when without a break, and what is handed over at the end.

A shift ends by its officer's word. One that was left open the day before is closed when the next begins.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.ledger import chain
from api.people import officers
from api.platform.database.tables import ShiftRow
from api.platform.errors import NoShiftError
from api.review.cases import queue
from api.review.cases.decisions import note_hash

LONGEST = timedelta(hours=16)
"""After so long, a shift counts as left open."""


def of_officer(session: Session, officer: str) -> ShiftRow | None:
    """The officer's open shift."""
    asked = select(ShiftRow).where(ShiftRow.officer == officer, ShiftRow.ended_at.is_(None))
    return session.scalars(asked.order_by(ShiftRow.started_at.desc()).limit(1)).one_or_none()


def on_duty(session: Session, *, at: datetime) -> list[str]:
    """Officers on a shift and on no break."""
    asked = select(ShiftRow.officer).where(ShiftRow.ended_at.is_(None), ShiftRow.paused_at.is_(None))
    return list(session.scalars(asked.where(ShiftRow.started_at > at - LONGEST).distinct()))


def on_site(session: Session, *, at: datetime) -> list[str]:
    """Officers on a shift, also during a break."""
    asked = select(ShiftRow.officer).where(ShiftRow.ended_at.is_(None), ShiftRow.started_at > at - LONGEST)
    return list(session.scalars(asked.distinct()))


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


def pause(session: Session, officer: str, *, at: datetime) -> ShiftRow:
    """Begin a break. Raises NoShiftError."""
    row = _open(session, officer)
    if row.paused_at is None:
        row.paused_at = at
        session.flush()
        _record(session, "shift.paused", row, at=at)
    return row


def end(
    session: Session, officer: str, note: str, to: str | None, handed: Sequence[str], *, at: datetime
) -> ShiftRow:
    """End the shift; `handed` went to the colleague `to`. Raises NoShiftError."""
    row = _open(session, officer)
    _end(session, row, note, to, handed, at=at)
    return row


def _open(session: Session, officer: str) -> ShiftRow:
    row = of_officer(session, officer)
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
