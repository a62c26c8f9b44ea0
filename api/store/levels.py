"""How the desk stands at one moment, as numbers; and since when a case waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from api.messages.hall import State
from api.store import chain, faces, hall, queue, shifts
from api.store.tables import LedgerRow, ReferralRow, SessionRow
from lane.errors import LedgerBrokenError
from lane.ledger import Entry, read

SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Levels:
    """Counts of what is there; nothing of one passenger."""

    open: int
    claimed: int
    oldest_s: float
    """0 where nobody waits."""
    ledger_entries: int
    sessions: int
    faces: int
    """Passages of which images are held."""
    escalated: int
    unanswerable: int
    lanes: Mapping[str, int]
    """State → how many lanes last told it; those not heard of for a while are `silent`."""


def counted(session: Session, *, at: datetime, silent_after: timedelta, idle: timedelta) -> Levels:
    """Count."""
    until = ReferralRow.claimed_until
    claimed = and_(ReferralRow.claimed_by.is_not(None), until > at, until <= at + queue.LONGEST_LEASE)
    waiting, held, oldest = session.execute(
        select(func.count(), func.sum(case((claimed, 1), else_=0)), func.min(ReferralRow.opened_at)).where(
            _waiting()
        )
    ).one()
    return Levels(
        open=waiting - (held or 0),
        claimed=held or 0,
        oldest_s=max(0.0, (at - oldest).total_seconds()) if oldest else 0.0,
        ledger_entries=chain.head(session).seq,
        sessions=session.scalar(select(func.count()).where(SessionRow.used_at > at - idle)) or 0,
        faces=faces.held(session),
        escalated=session.scalar(
            select(func.count()).where(_waiting(), ReferralRow.escalated_at.is_not(None))
        )
        or 0,
        unanswerable=len(shifts.unanswerable(session, at=at)),
        lanes=_lanes(session, heard_since=at - silent_after),
    )


def opened_at(session: Session, entry: Entry) -> datetime | None:
    """Since when the case of `entry` waits; None where the ledger has an earlier entry of this kind."""
    passage = str(entry.body.get("passage"))
    rows = session.execute(
        select(LedgerRow.payload, LedgerRow.hash).where(
            LedgerRow.passage == passage, LedgerRow.lane.is_(None), LedgerRow.seq < entry.seq
        )
    )
    try:
        first = not any(read(payload, hash_).kind == entry.kind for payload, hash_ in rows)
    except LedgerBrokenError:
        return None
    return (
        session.scalar(select(ReferralRow.opened_at).where(ReferralRow.passage == passage)) if first else None
    )


def _waiting() -> ColumnElement[bool]:
    return and_(ReferralRow.decision.is_(None), ReferralRow.ended.is_(None))


def _lanes(session: Session, *, heard_since: datetime) -> Mapping[str, int]:
    found = dict.fromkeys((*get_args(State), SILENT), 0)
    for heard in hall.lanes(session):
        silent = heard.told is None or heard.at is None or heard.at < heard_since
        found[SILENT if silent or heard.told is None else heard.told.state] += 1
    return found
