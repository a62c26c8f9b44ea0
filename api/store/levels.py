"""How the desk stands at one moment, as numbers; and since when a case waits."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from api.store import chain
from api.store.tables import LedgerRow, ReferralRow, SessionRow
from lane.errors import LedgerBrokenError
from lane.ledger import Entry, read


@dataclass(frozen=True, slots=True)
class Levels:
    """Counts of what is there; nothing of one passenger."""

    open: int
    claimed: int
    oldest_s: float
    """0 where nobody waits."""
    ledger_entries: int
    sessions: int


def counted(session: Session, *, at: datetime) -> Levels:
    """Count."""
    claimed = and_(ReferralRow.claimed_by.is_not(None), ReferralRow.claimed_until > at)
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
        sessions=session.scalar(select(func.count()).select_from(SessionRow)) or 0,
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
