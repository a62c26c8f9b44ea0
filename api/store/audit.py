"""What an auditor looks up in the ledger: passages by time, lane, reason or officer, and all facts about one.

It reads entries and no other table, so that it tells what was recorded and not what became of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from api.store import chain
from api.store.tables import LedgerRow
from lane.errors import LedgerBrokenError
from lane.ledger import Entry, read


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is None is not asked. Times are those at which the desk heard of a passage."""

    since: datetime | None = None
    until: datetime | None = None
    lane: str | None = None
    reason: str | None = None
    officer: str | None = None
    passage: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some passages, newest first, and where the next page begins, if there is one."""

    passages: tuple[str, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry about a passage. `fault`: why it cannot be read; then there is no kind and no body."""

    seq: int
    payload: str
    hash: str
    at: datetime | None = None
    kind: str = ""
    lane: str | None = None
    told_at: datetime | None = None
    body: Mapping[str, Any] | None = None
    fault: str | None = None


def search(session: Session, wanted: Wanted, *, before: int | None, limit: int) -> Page:
    """The passages that fit, newest first, `limit` at most; `before`: where the last page ended."""
    first = _seq_at(session, wanted.since) if wanted.since else 1
    last = _seq_at(session, wanted.until) - 1 if wanted.until else chain.head(session).seq
    last = min(last, before - 1) if before is not None else last
    rows = session.execute(
        _fitting(wanted)
        .where(LedgerRow.seq.between(first, last))
        .order_by(LedgerRow.seq.desc())
        .limit(limit + 1)
    ).all()
    shown = rows[:limit]
    passages = tuple(dict.fromkeys(row.passage for row in shown))
    return Page(passages, shown[-1].seq if len(rows) > limit else None)


def facts(session: Session, passage: str) -> list[Fact]:
    """Everything that the ledger holds about a passage, in order."""
    rows = session.scalars(select(LedgerRow).where(LedgerRow.passage == passage).order_by(LedgerRow.seq))
    return [_fact(row) for row in rows]


def _fitting(wanted: Wanted) -> Select[int, str | None]:
    """By the entry that a lane begins a passage with, or, for a reason, by its judgement."""
    kind = "passage.started" if wanted.reason is None else "passage.judged"
    found = select(LedgerRow.seq, LedgerRow.passage).where(
        LedgerRow.passage.is_not(None), LedgerRow.lane.is_not(None), _holds(_inside("kind", kind))
    )
    if wanted.lane is not None:
        found = found.where(LedgerRow.lane == wanted.lane)
    if wanted.passage is not None:
        found = found.where(LedgerRow.passage == wanted.passage)
    if wanted.reason is not None:
        # Remarks stand in the same form: what was signalled is found, too.
        found = found.where(_holds(_inside("code", wanted.reason)))
    if wanted.officer is not None:
        acted = select(LedgerRow.passage).where(
            LedgerRow.passage.is_not(None),
            LedgerRow.lane.is_(None),
            _holds(f'"officer":{json.dumps(wanted.officer)}'),
        )
        found = found.where(LedgerRow.passage.in_(acted))
    return found


def _holds(text: str) -> Any:
    return LedgerRow.payload.contains(text, autoescape=True)


def _inside(name: str, value: str) -> str:
    """A field of a lane's entry as it stands inside the desk's: JSON within JSON."""
    return json.dumps(f"{json.dumps(name)}:{json.dumps(value)}")[1:-1]


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


def _fact(row: LedgerRow) -> Fact:
    try:
        entry = read(row.payload, row.hash)
        inner = chain.received(entry)
    except LedgerBrokenError as error:
        return Fact(row.seq, row.payload, row.hash, fault=str(error))
    return _told(row, entry, inner)


def _told(row: LedgerRow, entry: Entry, inner: Entry | None) -> Fact:
    said = inner or entry
    return Fact(
        seq=row.seq,
        payload=row.payload,
        hash=row.hash,
        at=entry.at,
        kind=said.kind,
        lane=inner.chain if inner else None,
        told_at=inner.at if inner else None,
        body=said.body,
    )
