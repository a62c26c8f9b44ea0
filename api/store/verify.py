"""Proof of the ledger: the desk's chain, each lane's chain inside it, and what the tables say beside them."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Row, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.errors import StoreBusyError
from api.store import chain, queue
from api.store.database import Database
from api.store.tables import HeadRow, LaneRow, LedgerRow, ReferralRow
from lane.errors import LedgerBrokenError
from lane.ledger import GENESIS, Entry, Head, check_follows, read, verify

_COLUMNS = (
    LedgerRow.seq,
    LedgerRow.payload,
    LedgerRow.hash,
    LedgerRow.lane,
    LedgerRow.lane_seq,
    LedgerRow.passage,
)
_AT_ONCE = 500
Stored = Row[int, str, str, str | None, int | None, str | None]


def verify_ledger(database: Database, witnessed: Iterable[Head] = ()) -> Head:
    """Walk the whole ledger and return its head. Raises LedgerBrokenError: what is wrong, and where."""
    try:
        with database.read() as session:
            book = _Book()
            head = verify(_walk(session, book), chain=chain.CHAIN, witnessed=witnessed)
            _check_head(session, head)
            _check_lanes(session, book.lanes)
            _check_decisions(session, book.decided)
    except (SQLAlchemyError, StoreBusyError, UnicodeError, ValueError, TypeError, KeyError) as error:
        raise LedgerBrokenError(f"the database cannot be read: {type(error).__name__}") from error
    return head


class _Book:
    """What the ledger says, gathered on the way."""

    def __init__(self) -> None:
        self.lanes: dict[str, Head] = {}
        self.decided: dict[str, tuple[object, object]] = {}

    def note(self, entry: Entry) -> None:
        inner = chain.received(entry)
        if inner is not None:
            name = str(entry.body.get("chain"))
            self.lanes[name] = check_follows(self.lanes.get(name, GENESIS), inner, chain=name)
        if entry.kind == "referral.decided":
            self.decided[str(entry.body["passage"])] = (entry.body["decision"], entry.body["note_sha256"])


def _walk(session: Session, book: _Book) -> Iterator[tuple[str, str]]:
    rows = session.execute(select(*_COLUMNS).order_by(LedgerRow.seq).execution_options(yield_per=_AT_ONCE))
    for row in rows:
        try:
            _check_row(row, book)
        except LedgerBrokenError as error:
            raise LedgerBrokenError(f"entry {row.seq}: {error}") from error
        yield row.payload, row.hash


def _check_row(row: Stored, book: _Book) -> None:
    if not isinstance(row.payload, str) or not isinstance(row.hash, str):
        raise LedgerBrokenError("it is not stored as text")
    entry = read(row.payload, row.hash)
    for column, expected in chain.derived(entry).items():
        found = getattr(row, column)
        if (type(found), found) != (type(expected), expected):
            raise LedgerBrokenError(f"its column {column} does not say what its content says")
    book.note(entry)


def _check_head(session: Session, head: Head) -> None:
    rows = session.execute(select(HeadRow.chain, HeadRow.seq, HeadRow.hash)).all()
    if [tuple(row) for row in rows] != [(chain.CHAIN, head.seq, head.hash)]:
        raise LedgerBrokenError(
            f"the ledger ends at entry {head.seq}, the head row says otherwise: a tail is missing"
        )


def _check_lanes(session: Session, found: dict[str, Head]) -> None:
    for lane, seq, hash_ in session.execute(select(LaneRow.id, LaneRow.head_seq, LaneRow.head_hash)):
        if found.pop(lane, GENESIS) != Head(seq, hash_):
            raise LedgerBrokenError(f"lane {lane}: the ledger does not end where the table of lanes says")
    if found:
        raise LedgerBrokenError(f"lane {min(found)}: the ledger knows it, the table of lanes does not")


def _check_decisions(session: Session, decided: dict[str, tuple[object, object]]) -> None:
    for row in session.scalars(select(ReferralRow).where(ReferralRow.decision.is_not(None))):
        decision = queue.decision_of(session, row.passage)
        stored = (queue.as_body(decision), queue.note_hash(row.note or "")) if decision else None
        if stored is None or decided.pop(row.passage, None) != stored:
            raise LedgerBrokenError(f"passage {row.passage}: the decision is not the one in the ledger")
    if decided:
        raise LedgerBrokenError(
            f"passage {min(decided)}: its decision is in the ledger, but not in the queue"
        )
