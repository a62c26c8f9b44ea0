"""Proof of the ledger: the desk's chain, each lane's chain inside it, and what the tables say beside them.

What is proven by hashes alone: no entry was changed, removed, moved or added out of place; the tree over
them is the one that is stored; every signed head is genuine and has the root of its entries; where heads are
given that somebody kept elsewhere, the ledger still begins with those. What is proven in full: that, and
queue, lanes and officers are what the ledger says; the images of every case are those that were judged, as
far as a keyring opens them, or erased and gone, and none is kept longer than its passage's facts allow;
alarms are those that were raised; a search finds what there is. What is not proven is
`api.audit.verify.tables.NOT_PROVEN`. A time that falls is reported, not refused: a clock may be set back by
honest people.
"""

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import Row, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.audit.replay.account import Account
from api.audit.verify.faces import check_faces
from api.audit.verify.tables import check_tables
from api.faces.keyring import Keyring
from api.ledger import chain, proofs, search_index, tree
from api.ledger.tree import RebuiltTree
from api.ledger.tree_head import TreeHead
from api.platform.database.database import Database, newest_revision
from api.platform.database.ledger_guard import is_guarded
from api.platform.database.tables import HeadRow, LedgerRow, SigningKeyRow, TermRow, TileRow, TreeHeadRow
from api.platform.errors import StoreDamagedError, StoreError
from lane.ledger import merkle
from lane.ledger.chain import verify
from lane.ledger.entry import Entry, Head, read
from lane.platform.errors import LedgerBrokenError

_COLUMNS = (
    LedgerRow.seq,
    LedgerRow.payload,
    LedgerRow.hash,
    LedgerRow.lane,
    LedgerRow.lane_seq,
    LedgerRow.passage,
)
_TERMS = (TermRow.seq, TermRow.term, TermRow.passage, TermRow.lane)
_AT_ONCE = 500
StoredRow = Row[int, str, str, str | None, int | None, str | None]


@dataclass(frozen=True, slots=True)
class Verified:
    """The end of a ledger that holds, and the entries before which the clock was set back (if looked at)."""

    head: Head
    set_back: tuple[int, ...]
    root: bytes
    heads: int
    """How many signed heads were checked: kept by the desk, or given."""
    not_checked: tuple[str, ...] = ()
    """Checks that could not be made, and why."""


def verify_ledger(
    database: Database,
    witnessed: Iterable[Head] = (),
    signed: Iterable[TreeHead] = (),
    *,
    whole: bool = True,
    keyring: Keyring | None = None,
) -> Verified:
    """Walk the whole ledger. Raises LedgerBrokenError: what is wrong, and where.

    `signed`: heads that somebody kept elsewhere. Not `whole`: by hashes alone, about ten times as fast.
    With a keyring each image is opened too.

    Raises StoreError or StoreBusyError where the database cannot be read: then nothing is proven, or refuted.
    """
    account = Account()
    try:
        with database.read() as session:
            _must_be_a_desks(session)
            signatures = _Signatures(session, signed)
            walk = _walk(session, account) if whole else _hashes(session)
            with closing(walk):
                stored = signatures.watched(walk)
                # The walk reads each entry where that is wished: here its bytes are enough.
                head = verify(stored, chain=chain.CHAIN, witnessed=witnessed, whole=False)
            _check_head(session, head)
            _check_triggers(session)
            _check_tiles(session, signatures.rebuilt)
            signatures.check_end()
            if whole:
                check_tables(session, account)
            not_checked = check_faces(session, account, keyring) if whole else ()
    except StoreDamagedError as error:
        raise LedgerBrokenError(str(error)) from error
    except (SQLAlchemyError, UnicodeError, ValueError, TypeError, KeyError) as error:
        raise LedgerBrokenError(
            f"something stored is not what it should be: {type(error).__name__}"
        ) from error
    root, count = signatures.rebuilt.root(), signatures.count
    return Verified(head, tuple(account.set_back), root, count, not_checked)


def _must_be_a_desks(session: Session) -> None:
    """Another program's database is no broken ledger. Raises StoreError."""
    if not inspect(session.connection()).has_table("alembic_version"):
        raise StoreError("this is a database, but not a desk's: nothing is proven, or refuted")
    revision, expected = session.scalar(text("SELECT version_num FROM alembic_version")), newest_revision()
    if revision != expected:
        raise StoreError(
            f"the database has schema {revision}, this release reads {expected}: start the desk on it once, "
            "or use the release that wrote it; nothing is proven, or refuted"
        )


def _walk(session: Session, account: Account) -> Generator[tuple[str, str], None, None]:
    found = select(*_COLUMNS).order_by(LedgerRow.seq).execution_options(yield_per=_AT_ONCE)
    terms_too = select(*_TERMS).order_by(TermRow.seq).execution_options(yield_per=_AT_ONCE)
    # Closed also where the walk ends early.
    with session.execute(found) as rows, session.execute(terms_too) as more:
        search_rows = _SearchRows(more)
        for row in rows:
            try:
                _check_row(row, account, search_rows)
            except LedgerBrokenError as error:
                raise LedgerBrokenError(f"entry {row.seq}: {error}") from error
            yield row.payload, row.hash
        search_rows.check_end()


def _hashes(session: Session) -> Generator[tuple[str, str], None, None]:
    found = (
        select(LedgerRow.seq, LedgerRow.payload, LedgerRow.hash)
        .order_by(LedgerRow.seq)
        .execution_options(yield_per=_AT_ONCE)
    )
    # Straight from the connection: to make objects of rows would take as long as half the hashing.
    with session.connection().execute(found) as rows:
        for number, (seq, payload, hash_) in enumerate(rows, start=1):
            if (seq, type(payload), type(hash_)) != (number, str, str):
                raise LedgerBrokenError(f"entry {number}: it is missing, or not stored as text")
            yield payload, hash_


class _Signatures:
    """The tree made anew on the way, and each signed head compared with it when its size is reached."""

    def __init__(self, session: Session, given: Iterable[TreeHead]) -> None:
        kept = [proofs.as_head(row) for row in session.scalars(select(TreeHeadRow))]
        self._keys = {row.key: row.seq for row in session.scalars(select(SigningKeyRow))}
        self._due: dict[int, list[TreeHead]] = {}
        self.rebuilt = RebuiltTree()
        self.count = 0
        for head in (*kept, *given):
            self._check_signature(head)
            self._due.setdefault(head.size, []).append(head)

    def watched(self, stored: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """The same entries; a leaf is added for each."""
        add, due, announced = self.rebuilt.add, self._due, set(self._keys.values())
        for number, (payload, hash_) in enumerate(stored, start=1):
            yield payload, hash_
            add(merkle.leaf_hash(bytes.fromhex(hash_)))
            if number in due:
                self._check_root(due.pop(number))
            if number in announced:
                self._check_announced(number, payload)

    def check_end(self) -> None:
        if self._due:
            raise LedgerBrokenError(
                f"the ledger is cut off: it ends at {self.rebuilt.size}, a signed head has {max(self._due)}"
            )

    def _check_signature(self, head: TreeHead) -> None:
        self.count += 1
        announced = self._keys.get(head.key)
        if announced is None or announced > head.size:
            raise LedgerBrokenError(f"the head of {head.size} entries is signed with a key nobody announced")
        if not head.is_genuine():
            raise LedgerBrokenError(f"the signature of the head of {head.size} entries is not genuine")

    def _check_root(self, due: list[TreeHead]) -> None:
        if {head.root for head in due} != {self.rebuilt.root().hex()}:
            raise LedgerBrokenError(
                f"the first {due[0].size} entries are not those whose head was signed: one was replaced"
            )

    def _check_announced(self, number: int, payload: str) -> None:
        entry = json.loads(payload)
        key = entry["body"].get("key") if entry["kind"] == "ledger.key" else None
        if self._keys.get(str(key)) != number:
            raise LedgerBrokenError(f"entry {number} does not announce the key that its table names")


def _check_tiles(session: Session, rebuilt: RebuiltTree) -> None:
    expected = dict(rebuilt.tiles())
    rows = session.execute(
        select(TileRow.level, TileRow.number, TileRow.hashes).execution_options(yield_per=_AT_ONCE)
    )
    found = {(level, number): tree.digest(hashes) for level, number, hashes in rows}
    if found != expected:
        wrong = sorted(place for place, _ in found.items() ^ expected.items())
        level, number = wrong[0]
        raise LedgerBrokenError(f"tile {number} of level {level} of the tree is not what the entries make")


class _SearchRows:
    """The rows that an auditor finds entries by, read beside the walk over the entries."""

    def __init__(self, rows: Iterable[Row[int, str, str, str | None]]) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)

    def check(self, entry: Entry, inner: Entry | None) -> None:
        """The entry's rows are those that its content makes, and none stands before them."""
        found = []
        while self._next is not None and self._next.seq <= entry.seq:
            found.append(self._next._asdict())
            self._next = next(self._rows, None)
        if sorted(found, key=itemgetter("seq", "term")) != search_index.terms_of(entry, inner):
            raise LedgerBrokenError("what it is found by does not say what its content says")

    def check_end(self) -> None:
        if self._next is not None:
            raise LedgerBrokenError(f"entry {self._next.seq} is found by a search, and is not there")


def _check_row(row: StoredRow, account: Account, search_rows: _SearchRows) -> None:
    if not isinstance(row.payload, str) or not isinstance(row.hash, str):
        raise LedgerBrokenError("it is not stored as text")
    entry = read(row.payload, row.hash)
    if entry.chain != chain.CHAIN:
        raise LedgerBrokenError(f"it belongs to chain {entry.chain}, not to {chain.CHAIN}")
    inner = chain.received(entry)
    for column, expected in chain.derived(entry, inner).items():
        found = getattr(row, column)
        if (type(found), found) != (type(expected), expected):
            raise LedgerBrokenError(f"its column {column} does not say what its content says")
    search_rows.check(entry, inner)
    account.note(entry, inner)


def _check_head(session: Session, head: Head) -> None:
    rows = session.execute(select(HeadRow.chain, HeadRow.seq, HeadRow.hash)).all()
    if [tuple(row) for row in rows] != [(chain.CHAIN, head.seq, head.hash)]:
        raise LedgerBrokenError(
            f"the ledger ends at entry {head.seq}, the head row says otherwise: a tail is missing"
        )


def _check_triggers(session: Session) -> None:
    if not is_guarded(session.connection()):
        raise LedgerBrokenError("the triggers that keep the ledger append-only are not there, or changed")
