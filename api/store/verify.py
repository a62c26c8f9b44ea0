"""Proof of the ledger: the desk's chain, each lane's chain inside it, and what the tables say beside them.

What is proven: no entry was changed, removed, moved or added out of place; queue, lanes and officers are
what the ledger says; the images of every case are those that were judged; alarms are those that were
raised. Not proven: who is signed in, how far a claim was renewed before the decision, and the counts of
the evaluation in service, which follow from the ledger's facts. A time that falls is reported, not refused:
a clock may be set back by honest people.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Row, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.errors import StoreDamagedError, StoreError
from api.schemas import JudgedTold
from api.store import alarms, append_only, chain, lanes, officers, queue
from api.store.account import Account, Case, alarm_key
from api.store.database import Database, newest_revision
from api.store.tables import (
    AlarmRow,
    HeadRow,
    ImageRow,
    LaneCommandRow,
    LaneRow,
    LedgerRow,
    OfficerRow,
    ReferralRow,
    SeriesRow,
)
from lane.errors import LedgerBrokenError
from lane.ledger import Head, read, verify

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

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Verified:
    """The end of a ledger that holds, and the entries before which the clock was set back."""

    head: Head
    set_back: tuple[int, ...]


def verify_ledger(database: Database, witnessed: Iterable[Head] = ()) -> Verified:
    """Walk the whole ledger. Raises LedgerBrokenError: what is wrong, and where.

    Raises StoreError or StoreBusyError where the database cannot be read: then nothing is proven, or refuted.
    """
    account = Account()
    try:
        with database.read() as session:
            _must_be_a_desks(session)
            head = verify(_walk(session, account), chain=chain.CHAIN, witnessed=witnessed)
            _check_head(session, head)
            _check_triggers(session)
            _check_lanes(session, account)
            _check_commands(session, account)
            _check_officers(session, account)
            _check_referrals(session, account)
            _check_alarms(session, account)
    except StoreDamagedError as error:
        raise LedgerBrokenError(str(error)) from error
    except (SQLAlchemyError, UnicodeError, ValueError, TypeError, KeyError) as error:
        raise LedgerBrokenError(
            f"something stored is not what it should be: {type(error).__name__}"
        ) from error
    return Verified(head, tuple(account.set_back))


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


def _walk(session: Session, account: Account) -> Iterator[tuple[str, str]]:
    rows = session.execute(select(*_COLUMNS).order_by(LedgerRow.seq).execution_options(yield_per=_AT_ONCE))
    for row in rows:
        try:
            _check_row(row, account)
        except LedgerBrokenError as error:
            raise LedgerBrokenError(f"entry {row.seq}: {error}") from error
        yield row.payload, row.hash


def _check_row(row: Stored, account: Account) -> None:
    if not isinstance(row.payload, str) or not isinstance(row.hash, str):
        raise LedgerBrokenError("it is not stored as text")
    entry = read(row.payload, row.hash)
    for column, expected in chain.derived(entry).items():
        found = getattr(row, column)
        if (type(found), found) != (type(expected), expected):
            raise LedgerBrokenError(f"its column {column} does not say what its content says")
    account.note(entry)


def _check_head(session: Session, head: Head) -> None:
    rows = session.execute(select(HeadRow.chain, HeadRow.seq, HeadRow.hash)).all()
    if [tuple(row) for row in rows] != [(chain.CHAIN, head.seq, head.hash)]:
        raise LedgerBrokenError(
            f"the ledger ends at entry {head.seq}, the head row says otherwise: a tail is missing"
        )


def _check_triggers(session: Session) -> None:
    if not append_only.guarded(session):
        raise LedgerBrokenError("the triggers that keep the ledger append-only are not there, or changed")


def _check_lanes(session: Session, account: Account) -> None:
    expected = {name: {"token": lane.token_sha256, "head": lane.head} for name, lane in account.lanes.items()}
    found = {
        row.id: {
            "token": None if lanes.is_revoked(row) else row.token_sha256,
            "head": Head(row.head_seq, row.head_hash),
        }
        for row in session.scalars(select(LaneRow))
    }
    _compare("lane", expected, found)


def _check_commands(session: Session, account: Account) -> None:
    expected = {
        name: (len(lane.commands), *lane.commands[-1])
        for name, lane in account.lanes.items()
        if lane.commands
    }
    rows = session.scalars(select(LaneCommandRow))
    if {row.lane: (row.number, row.wanted, row.by) for row in rows} != expected:
        raise LedgerBrokenError("what is wanted of a lane is not what the ledger says")


def _check_officers(session: Session, account: Account) -> None:
    expected = {
        pseudonym: {
            "credentials": kept,
            "role": account.roles[pseudonym],
            "duties": account.duties[pseudonym],
        }
        for pseudonym, kept in account.officers.items()
    }
    found = {
        row.pseudonym: {"credentials": _credentials(row), "role": row.role, "duties": row.duties}
        for row in session.scalars(select(OfficerRow))
    }
    _compare("officer", expected, found)


def _check_referrals(session: Session, account: Account) -> None:
    expected = {passage: _told(case) for passage, case in account.cases.items()}
    found = {row.passage: _kept(row) for row in session.scalars(select(ReferralRow))}
    _compare("passage", expected, found)
    for case in account.cases.values():
        _check_images(session, case)


def _check_alarms(session: Session, account: Account) -> None:
    rows = session.execute(select(SeriesRow, AlarmRow).join(AlarmRow, AlarmRow.series == SeriesRow.id))
    found = {
        alarm_key(alarms.key(series, row.rate)): {
            "raised_at": row.raised_at,
            "acknowledged_by": row.acknowledged_by,
        }
        for series, row in rows
    }
    _compare("alarm", account.alarms, found)


def _compare(what: str, expected: Mapping[str, Fields], found: Mapping[str, Fields]) -> None:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise LedgerBrokenError(f"{what} {name}: the ledger knows it, its table does not")
        if name not in expected:
            raise LedgerBrokenError(f"{what} {name}: its table knows it, the ledger does not")
        wrong = [field for field, value in expected[name].items() if found[name][field] != value]
        if wrong:
            raise LedgerBrokenError(
                f"{what} {name}: {', '.join(wrong)} in its table is not what was recorded"
            )


def _credentials(row: OfficerRow) -> str | None:
    return None if officers.is_disabled(row) else officers.credentials_hash(row.name, row.password_hash)


def _told(case: Case) -> Fields:
    question = case.question
    return {
        "lane": question.lane,
        "opened_at": question.opened_at,
        "gravity": question.gravity,
        "judged": question.judged,
        "ended": case.ended,
        "claimed_by": case.holder,
        "shown": case.shown,
        "decision": case.decision,
        "note": case.note_sha256,
        "claimed_until": case.claimed_until,
    }


def _kept(row: ReferralRow) -> Fields:
    decision = queue.decision_in(row)
    return {
        "lane": row.lane,
        "opened_at": row.opened_at,
        "gravity": row.gravity,
        "judged": JudgedTold.model_validate_json(row.judged),
        "ended": row.ended,
        "claimed_by": row.claimed_by,
        "shown": row.shown,
        "decision": queue.as_body(decision) if decision else None,
        "note": queue.note_hash(row.note) if row.note is not None else None,
        # While a case waits, its claim may be renewed; the ledger has the last word with the decision.
        "claimed_until": row.claimed_until if decision else None,
    }


def _check_images(session: Session, case: Case) -> None:
    for image in case.question.judged.images:
        body = session.scalar(
            select(ImageRow.body).where(ImageRow.lane == case.question.lane, ImageRow.sha256 == image.sha256)
        )
        if not isinstance(body, bytes) or hashlib.sha256(body).hexdigest() != image.sha256:
            raise LedgerBrokenError(
                f"passage {case.question.passage}: image {image.sha256} is missing or changed"
            )
