"""Decisions as rows, ledger and wire carry them, and the one on a passage that counts."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.platform.database.tables import LedgerRow, ReferralRow
from api.platform.errors import StoreError
from lane.decision.referral import Answer, Decision, Ground, PassageId
from lane.ledger.entry import read
from lane.platform.errors import LedgerBrokenError

DECIDED = frozenset({"referral.decided", "referral.corrected"})
REOPENED = "referral.reopened"


def of_passage(session: Session, passage: str) -> Decision | None:
    """The decision on a passage, if there is one.

    Raises StoreError where queue and ledger differ: no gate opens by such a decision.
    """
    row = session.get(ReferralRow, passage)
    in_queue, in_ledger = in_row(row) if row else None, recorded(session, passage)
    if (in_queue and as_body(in_queue)) != in_ledger:
        raise contradiction(passage)
    return in_queue


def in_row(row: ReferralRow) -> Decision | None:
    """The decision as the queue has it; only `of_passage` compares it with the ledger."""
    if row.decision is None or row.decided_at is None:
        return None
    return Decision(
        id=row.decision,
        passage=PassageId(row.passage),
        answer=Answer(str(row.answer)),
        ground=Ground(str(row.ground)),
        officer=str(row.decided_by),
        decided_at=row.decided_at,
    )


def as_body(decision: Decision) -> dict[str, Any]:
    """A decision as the ledger and the wire carry it."""
    return {
        "id": decision.id,
        "passage": decision.passage,
        "answer": decision.answer.value,
        "ground": decision.ground.value,
        "officer": decision.officer,
        "decided_at": decision.decided_at.isoformat(),
    }


def from_body(body: Mapping[str, Any]) -> Decision:
    """A decision as the ledger has it. Raises KeyError, TypeError or ValueError where it is none."""
    return Decision(
        id=body["id"],
        passage=PassageId(body["passage"]),
        answer=Answer(body["answer"]),
        ground=Ground(body["ground"]),
        officer=body["officer"],
        decided_at=datetime.fromisoformat(body["decided_at"]),
    )


def note_hash(note: str) -> str:
    return hashlib.sha256(note.encode()).hexdigest()


def recorded(session: Session, passage: str) -> Mapping[str, Any] | None:
    """The decision of the present round that the ledger has.

    Raises StoreError where it has two of which none corrects the other.
    """
    rows = session.execute(
        select(LedgerRow.payload, LedgerRow.hash)
        .where(LedgerRow.passage == passage, LedgerRow.lane.is_(None))
        .order_by(LedgerRow.seq)
    )
    found: Mapping[str, Any] | None = None
    try:
        for payload, hash_ in rows:
            entry = read(payload, hash_)
            if entry.kind == REOPENED:
                found = None
            elif entry.kind in DECIDED:
                if (found and found.get("id")) != entry.body.get("corrects"):
                    raise contradiction(passage)
                found = entry.body.get("decision")
    except LedgerBrokenError as error:
        raise contradiction(passage) from error
    return found


def contradiction(passage: str) -> StoreError:
    return StoreError(f"passage {passage}: queue and ledger contradict: run `python -m api ledger verify`")
