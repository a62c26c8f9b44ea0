"""After a restore: which lanes know more of themselves than this desk, and what they may tell it again.

A lane keeps its whole ledger. What it told a desk that is lost, it tells the restored one: those entries are
evidence and nothing more. Nobody is asked again about a passenger who has left, and a decision that only the
lane still knows is no decision of a ghost.
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
from lane.ledger.chain import Entry, Head

_WITHOUT_EFFECT = frozenset(
    {"passage.judged", "passage.decided", "gate.opening", "lane.obeyed", "lane.alarm"}
)
"""Kinds that ask for something, or rest on what a desk said that is lost."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a lane tells again: entries after `after`, through `through`; None as long as it has not begun."""

    after: int
    through: int | None

    def is_told_again(self, entry: Entry) -> bool:
        """Whether this entry of the lane is here as evidence only: it was with a desk that is lost."""
        told_before = self.through is not None and self.after < entry.seq <= self.through
        return told_before and entry.kind in _WITHOUT_EFFECT


def restored(session: Session, *, at: datetime) -> Entry:
    """Record that this ledger begins anew from here, and how far it has each lane's chain."""
    session.execute(delete(RecoveryRow))
    known = {row.id: row.head_seq for row in session.scalars(select(LaneRow).order_by(LaneRow.id))}
    for lane, seq in known.items():
        session.execute(insert(RecoveryRow).values(lane=lane, after_seq=seq))
    body: dict[str, Any] = {"head": str(chain.head(session)), "lanes": known}
    return chain.append(session, "desk.restored", body, at=at)


def begin(session: Session, lane: LaneRow, through: int, *, at: datetime) -> None:
    """The lane tells again what an earlier desk had, through this entry. Doing it twice is doing it once.

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


def is_told_again(session: Session, entry: Entry) -> bool:
    """See `Recovery.is_told_again`."""
    row = session.get(RecoveryRow, entry.chain)
    return row is not None and Recovery(row.after_seq, row.through_seq).is_told_again(entry)


def note_restored(target: Database, *, at: datetime) -> Head:
    """Record it in the ledger; return its head, which a person tells lanes that know of a later one."""
    with target.write() as session:
        return restored(session, at=at).head
