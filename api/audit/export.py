"""Writes the ledger into files that the stand-alone verifier (`api/audit/verifier.py`) checks.

An export holds every entry and every signed head. A proof holds some entries, the hashes that lead from each
to a signed head, and, for heads that somebody kept, those that show that the ledger only grew since.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import verifier
from api.ledger import chain, proofs
from api.ledger.tree import Tree
from api.ledger.tree_head import TreeHead
from api.platform.database.tables import LedgerRow, TreeHeadRow
from api.platform.errors import NotInLedgerError

_AT_ONCE = 500


def export(session: Session) -> Iterator[str]:
    """Every line of an export, one JSON object each."""
    size = chain.head(session).seq
    rows = session.scalars(select(TreeHeadRow).where(TreeHeadRow.size <= size).order_by(TreeHeadRow.size))
    signed = [proofs.as_head(row) for row in rows]
    yield _first_line("export", size, [head.size for head in signed])
    for payload, hash_ in _entries(session, size):
        yield _line({"entry": {"payload": payload, "hash": hash_}})
    for head in signed:
        yield _line({"head": head.to_json()})
    yield _line({"end": {"entries": size}})


def proof(session: Session, wanted: Sequence[int], since: Iterable[int] = ()) -> Iterator[str]:
    """Every line of a proof of these entries, under the newest signed head. Raises NotInLedgerError.

    `since`: sizes of heads that somebody kept.
    """
    head = proofs.newest(session)
    key_at = proofs.announced_at(session, head.key) if head else None
    if head is None or key_at is None or not wanted or not 1 <= min(wanted) <= max(wanted) <= head.size:
        raise NotInLedgerError
    tree, seqs = Tree(session), sorted({*wanted, key_at})
    yield _first_line("proof", head.size, [head.size])
    for seq in seqs:
        row = session.get_one(LedgerRow, seq)
        yield _line({"entry": {"payload": row.payload, "hash": row.hash}})
    yield _line({"head": head.to_json()})
    for seq in seqs:
        yield _line(
            {"inclusion": {"seq": seq, "size": head.size, "path": _hex(tree.inclusion(seq, head.size))}}
        )
    for size in since:
        yield _line({"consistency": _consistency(tree, size, head)})
    yield _line({"end": {"entries": len(seqs)}})


def of_passage(session: Session, passage: str) -> list[int]:
    """The numbers of all entries about a passage."""
    found = select(LedgerRow.seq).where(LedgerRow.passage == passage).order_by(LedgerRow.seq)
    return list(session.scalars(found))


def _consistency(tree: Tree, size: int, head: TreeHead) -> Mapping[str, Any]:
    if not 0 <= size <= head.size:
        raise NotInLedgerError
    return {"first": size, "second": head.size, "path": _hex(tree.consistency(size, head.size))}


def _entries(session: Session, size: int) -> Iterator[tuple[str, str]]:
    found = select(LedgerRow.payload, LedgerRow.hash).where(LedgerRow.seq <= size).order_by(LedgerRow.seq)
    rows = session.execute(found.execution_options(yield_per=_AT_ONCE))
    yield from rows


def _first_line(holds: str, size: int, signed: list[int]) -> str:
    kind = {"file": verifier.FILE, "version": verifier.VERSION, "holds": holds}
    return _line({**kind, "chain": chain.CHAIN, "entries": size, "heads": signed})


def _hex(path: Iterable[bytes]) -> list[str]:
    return [part.hex() for part in path]


def _line(fields: Mapping[str, Any]) -> str:
    # ASCII only: an entry's text may hold a line separator.
    return json.dumps(fields, separators=(",", ":")) + "\n"
