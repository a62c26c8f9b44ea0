"""The desk's own chain: each fact is put in the transaction of the change it records."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from api.ledger import search_index, tree
from api.platform.database.database import RECORDED
from api.platform.database.tables import HeadRow, LedgerRow, TermRow
from api.platform.errors import StoreError
from lane.ledger.entry import GENESIS, Entry, Head, follow, read

CHAIN = "desk"


def append(session: Session, kind: str, body: Mapping[str, Any], *, at: datetime) -> Entry:
    """Put one fact at the end of the chain. `session` must be one that writes."""
    row = _head_row(session)
    entry = follow(Head(row.seq, row.hash), chain=CHAIN, at=at, kind=kind, body=body)
    inner = received(entry)
    session.add(LedgerRow(payload=entry.payload, hash=entry.hash, **derived(entry, inner)))
    row.seq, row.hash = entry.seq, entry.hash
    # One flush an entry: the ledger's rows reach the database in the order of the chain.
    session.flush()
    found_by = search_index.terms_of(entry, inner)
    if found_by:
        session.execute(insert(TermRow), found_by)
    session.info.setdefault(RECORDED, []).append(entry)
    tree.grow(session, entry.seq)
    return entry


def head(session: Session) -> Head:
    """The end of the chain as the head row has it."""
    row = session.get(HeadRow, CHAIN)
    return Head(row.seq, row.hash) if row else GENESIS


def derived(entry: Entry, inner: Entry | None) -> dict[str, Any]:
    """The columns that index an entry, from its payload alone: what `verify` expects to find.

    `inner` is what `received` gives.
    """
    passage = (inner or entry).body.get("passage")
    return {
        "seq": entry.seq,
        "lane": inner.chain if inner else None,
        "lane_seq": inner.seq if inner else None,
        "passage": passage if isinstance(passage, str) else None,
    }


def received(entry: Entry) -> Entry | None:
    """The lane's entry inside an `entry.received`. Raises LedgerBrokenError where it was changed."""
    if entry.kind != "entry.received":
        return None
    return read(str(entry.body.get("payload")), str(entry.body.get("hash")))


def _head_row(session: Session) -> HeadRow:
    row = session.scalars(select(HeadRow).where(HeadRow.chain == CHAIN).with_for_update()).one_or_none()
    if row is None:
        raise StoreError("the ledger has lost its head row: run `python -m api ledger verify`")
    return row
