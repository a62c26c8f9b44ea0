"""After the desk was restored from a backup: which entries each lane may deliver again, and with what effect.

A lane keeps its whole ledger, and delivers again what the lost desk had beyond the backup. Those entries are
evidence only: no officer is asked about a passenger who has left, and a decision that only the lane still has
is accepted.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from api.ledger import chain
from api.platform.database.database import Database
from api.platform.database.tables import LaneRow, RecoveryRow
from api.platform.errors import ChainBrokenError
from lane.ledger.entry import Entry, Head

_WITHOUT_EFFECT = frozenset(
    {"passage.judged", "passage.decided", "gate.opening", "lane.obeyed", "lane.alarm"}
)
"""Kinds that would have an effect, or rest on a lost entry of the desk."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """A lane delivers again the entries after `after`, through `through`; None until it has begun."""

    after: int
    through: int | None

    def is_redelivered(self, entry: Entry) -> bool:
        """Whether this entry of the lane is evidence only: the lost desk had it."""
        delivered_before = self.through is not None and self.after < entry.seq <= self.through
        return delivered_before and entry.kind in _WITHOUT_EFFECT


def begin(session: Session, lane: LaneRow, through: int, *, at: datetime) -> None:
    """Let a lane deliver its entries through this one again; a second call changes nothing.

    Raises ChainBrokenError where this desk was not restored, or has heard from the lane since.
    """
    row = session.get(RecoveryRow, lane.id)
    if row is not None and row.through_seq == through:
        return
    if row is None or row.through_seq is not None or not row.after_seq == lane.head_seq < through:
        has = Head(lane.head_seq, lane.head_hash)
        raise ChainBrokenError("this desk has lost nothing that the lane could tell it again", has)
    row.through_seq = through
    body = {"lane": lane.id, "after": row.after_seq, "through": through}
    chain.append(session, "lane.recovering", body, at=at)


def is_redelivered(session: Session, entry: Entry) -> bool:
    row = session.get(RecoveryRow, entry.chain)
    return row is not None and Recovery(row.after_seq, row.through_seq).is_redelivered(entry)


def note_restored(target: Database, *, at: datetime) -> Head:
    """Record the restore, and how far the desk has each lane's chain.

    Return the new head, for lanes that know a later one.
    """
    with target.write() as session:
        session.execute(delete(RecoveryRow))
        known = {row.id: row.head_seq for row in session.scalars(select(LaneRow).order_by(LaneRow.id))}
        for lane, seq in known.items():
            session.execute(insert(RecoveryRow).values(lane=lane, after_seq=seq))
        body: dict[str, Any] = {"head": str(chain.head(session)), "lanes": known}
        return chain.append(session, "desk.restored", body, at=at).head
