"""Searches the ledger: passages by time, lane, reason or officer, and all entries about one passage.

It reads entries and their search index only: it shows what was recorded, not what is in the desk's tables.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from api.ledger import chain, search_index
from api.platform.database.tables import LedgerRow, TermRow
from api.platform.errors import PassageUnknownError
from lane.ledger.entry import read
from lane.platform.errors import LedgerBrokenError

_LONGEST_CODE = 16
"""A longer code is cut, and then shown as an unknown one."""


@dataclass(frozen=True, slots=True)
class PassageQuery:
    """What to look for; None: anything. Times: when the desk received a passage's first entry."""

    since: datetime | None = None
    until: datetime | None = None
    lane: str | None = None
    reason: str | None = None
    officer: str | None = None
    passage: str | None = None


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """One entry about a passage. `fault`: why it cannot be read; then there is no kind and no body."""

    seq: int
    payload: str
    hash: str
    at: datetime | None = None
    kind: str = ""
    lane: str | None = None
    lane_at: datetime | None = None
    body: Mapping[str, Any] | None = None
    fault: str | None = None


def search(
    session: Session, wanted: PassageQuery, *, before: int | None, limit: int
) -> tuple[list[str], int | None]:
    """The matching passages, newest first, `limit` at most, and where the next page begins, if there is one.

    `before`: where the last page ended.
    """
    first = _seq_at(session, wanted.since) if wanted.since else 1
    last = _seq_at(session, wanted.until) - 1 if wanted.until else chain.head(session).seq
    last = min(last, before - 1) if before is not None else last
    rows = session.execute(
        _matching(wanted)
        .where(TermRow.seq.between(first, last))
        .order_by(TermRow.seq.desc())
        .limit(limit + 1)
    ).all()
    shown = rows[:limit]
    passages = list(dict.fromkeys(row.passage for row in shown))
    return passages, shown[-1].seq if len(rows) > limit else None


def entries_about(session: Session, passage: str) -> list[FoundEntry]:
    """All entries about a passage, in order."""
    rows = session.scalars(select(LedgerRow).where(LedgerRow.passage == passage).order_by(LedgerRow.seq))
    return [_found_entry(row) for row in rows]


def seen_at_gate(session: Session, passage: str) -> tuple[str, ...]:
    """What a lane's sensors saw in this passage since the lane asked last: codes, each once, in order.

    What they saw before stands in what the lane asked.
    """
    query = select(LedgerRow).where(LedgerRow.passage == passage, LedgerRow.lane.is_not(None))
    codes: list[str] = []
    for entry in map(_found_entry, session.scalars(query.order_by(LedgerRow.seq))):
        if entry.kind == "passage.judged":
            codes.clear()
        elif entry.kind == "lane.event":
            codes.append(str((entry.body or {}).get("code"))[:_LONGEST_CODE])
    return tuple(dict.fromkeys(codes))


def repeat_refused(session: Session, passage: str) -> bool:
    """Whether the lane said that it captures this passenger no more, though an officer asked for it."""
    query = select(LedgerRow).where(LedgerRow.passage == passage, LedgerRow.lane.is_not(None))
    return any(entry.kind == "passage.repeat_refused" for entry in map(_found_entry, session.scalars(query)))


def _matching(wanted: PassageQuery) -> Select[int, str]:
    """A passage is found by its first entry or, for a reason, by its judgement."""
    term = search_index.STARTED if wanted.reason is None else search_index.reason(wanted.reason)
    found = select(TermRow.seq, TermRow.passage).where(TermRow.term == term)
    if wanted.lane is not None:
        found = found.where(TermRow.lane == wanted.lane)
    if wanted.passage is not None:
        found = found.where(TermRow.passage == wanted.passage)
    if wanted.officer is not None:
        acted = aliased(TermRow)
        of_the_officer = exists().where(
            acted.term == search_index.officer(wanted.officer), acted.passage == TermRow.passage
        )
        found = found.where(of_the_officer)
    return found


def _seq_at(session: Session, moment: datetime) -> int:
    """The first entry that is not older than a moment, as far as the clock was not set back."""
    low, high = 1, chain.head(session).seq + 1
    while low < high:
        middle = (low + high) // 2
        payload = session.scalar(select(LedgerRow.payload).where(LedgerRow.seq == middle))
        if payload is not None and datetime.fromisoformat(json.loads(payload)["at"]) < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _found_entry(row: LedgerRow) -> FoundEntry:
    try:
        entry = read(row.payload, row.hash)
        inner = chain.received(entry)
    except LedgerBrokenError as error:
        return FoundEntry(row.seq, row.payload, row.hash, fault=str(error))
    said = inner or entry
    return FoundEntry(
        seq=row.seq,
        payload=row.payload,
        hash=row.hash,
        at=entry.at,
        kind=said.kind,
        lane=inner.chain if inner else None,
        lane_at=inner.at if inner else None,
        body=said.body,
    )


def owns_passage(session: Session, lane: str, passage: str) -> None:
    """Raise PassageUnknownError unless this lane sent entries of the passage."""
    if owner_of(session, passage) != lane:
        raise PassageUnknownError


def may_tell_of(session: Session, lane: str, passage: str) -> None:
    """Raise PassageUnknownError where another lane sent entries of the passage."""
    if owner_of(session, passage) not in (None, lane):
        raise PassageUnknownError


def owner_of(session: Session, passage: str) -> str | None:
    query = select(LedgerRow.lane).where(LedgerRow.passage == passage, LedgerRow.lane.is_not(None))
    return session.scalars(query.order_by(LedgerRow.seq).limit(1)).one_or_none()
