"""Compares the desk's tables with the account of the ledger: row by row, both ways.

Not proven, and listed as `NOT_PROVEN`: who is signed in, how far a claim was renewed before the decision,
which duty a case needs (it follows from the settings of that day), the figures of hall and evaluation, which
follow from the ledger's facts, when an officer's decisions were last looked at, the content of prepared
cases, and that no signed head was taken out of its table: witnesses keep those.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from api.audit.replay.account import Account
from api.audit.replay.alarms import rate_key
from api.audit.replay.cases import Body
from api.lanes import tokens
from api.lanes.evaluation import alarms
from api.ledger.facts import JudgedFact
from api.people import officers, passkeys
from api.platform.database.tables import (
    AlarmRow,
    LaneCommandRow,
    LaneRequestRow,
    LaneRow,
    OfficerRow,
    OpinionRow,
    PasskeyRow,
    PreparedRow,
    QualityAlarmRow,
    RecoveryRow,
    ReferralRow,
    RoundRow,
    SeededRow,
    SeriesRow,
    ShiftRow,
    SigningKeyRow,
    Table,
)
from api.review.accuracy_records import LOOKED
from api.review.cases import decisions
from lane.ledger.entry import Head
from lane.platform.errors import LedgerBrokenError

Kind = TypeVar("Kind", bound=Table)

NOT_PROVEN = frozenset(
    {
        "sessions",
        "challenges",
        "sign_in_attempts",
        "lane_status",
        "lane_minutes",
        "evaluation_series",
        "evaluation_counts",
        "prepared_images",
        "lanes.added_at",
        "lanes.used_at",
        "lane_commands.at",
        "lane_requests.over",
        "officers.added_at",
        "officers.must_change",
        "passkeys.sign_count",
        "passkeys.label",
        "passkeys.added_at",
        "passkeys.used_at",
        "referrals.claimed_until",
        "referrals.duty",
        "holds.id",
        "faces.lane",
        "faces.told",
        "images.received_at",
        "evaluation_alarms.id",
        "evaluation_alarms.errors",
        "evaluation_alarms.passengers",
        "evaluation_alarms.expected",
        "evaluation_alarms.acknowledged_at",
        "prepared_cases.training",
        "prepared_cases.judged",
        "prepared_cases.added_at",
        "seeded_reviews",
        "quality_alarms.raised_at",
        "quality_alarms.looked_at",
    }
)
"""Tables and columns that whoever runs the database can change without being found."""


def check_tables(session: Session, account: Account) -> None:
    """Raise LedgerBrokenError where a table says something else than the ledger, more or less."""
    _check_lanes(session, account)
    _check_people(session, account)
    _check_cases(session, account)
    _check_prepared_cases(session, account)
    _check_alarms(session, account)
    keys = {row.key: row.seq for row in session.scalars(select(SigningKeyRow))}
    if keys != account.signing_keys:
        raise LedgerBrokenError("the keys that sign the ledger are not those that it announced")


def _check_lanes(session: Session, account: Account) -> None:
    lanes = account.lanes.by_name
    _compare(
        "lane",
        lanes,
        _rows(session, LaneRow),
        ("token_sha256", "token_until", "former_sha256", "former_until", "head"),
        token_sha256=lambda row: None if tokens.is_revoked(row) else row.token_sha256,
        head=lambda row: Head(row.head_seq, row.head_hash),
    )
    commands = {name: lane.commands[-1] for name, lane in lanes.items() if lane.commands}
    _compare("what is wanted of lane", commands, _rows(session, LaneCommandRow))
    requests = {name: lane.requests[-1] for name, lane in lanes.items() if lane.requests}
    _compare("what is asked of lane", requests, _rows(session, LaneRequestRow))
    _compare(
        "recovery of lane",
        {name: lane.recovery for name, lane in lanes.items() if lane.recovery is not None},
        _rows(session, RecoveryRow),
        ("after", "through"),
        after=attrgetter("after_seq"),
        through=attrgetter("through_seq"),
    )


def _check_people(session: Session, account: Account) -> None:
    _compare(
        "officer",
        account.staff.officers,
        _rows(session, OfficerRow),
        ("credentials", "role", "duties", "disabled"),
        credentials=_credentials,
        disabled=officers.is_disabled,
    )
    _compare(
        "passkey",
        account.staff.passkeys,
        _rows(session, PasskeyRow),
        public_key=passkeys.key_hash,
        credential=lambda row: passkeys.name_of(row.credential),
    )
    _compare("shift", account.shifts.by_id, _rows(session, ShiftRow), note=_note_hash)


def _check_cases(session: Session, account: Account) -> None:
    cases = account.cases.by_passage
    _compare(
        "passage",
        cases,
        _rows(session, ReferralRow),
        (
            *("lane", "opened_at", "gravity", "judged", "ended", "claimed_by", "claimed_until", "shown"),
            *("decision", "note", "handed_at", "round", "stage", "step", "claims", "escalated_at"),
        ),
        judged=_judged,
        decision=_decision,
        note=_note_hash,
        # While a case waits, its claim may be renewed; the ledger has the last word with the decision.
        claimed_until=lambda row: row.claimed_until if decisions.in_row(row) else None,
    )
    _compare(
        "passage",
        {f"{case.passage} round {one.number}": one for case in cases.values() for one in case.rounds},
        {f"{row.passage} round {row.number}": row for row in session.scalars(select(RoundRow))},
        ("number", "judged", "decision"),
        judged=_judged,
    )
    opinions = {name: one for case in cases.values() for name, one in case.opinions.items()}
    _compare("opinion", opinions, _rows(session, OpinionRow), note=_note_hash)


def _check_prepared_cases(session: Session, account: Account) -> None:
    _compare("one of the prepared cases,", account.prepared_cases.cases, _rows(session, PreparedRow))
    _compare(
        "prepared case before an officer,",
        account.prepared_cases.inserted,
        _rows(session, SeededRow),
        ("case", "officer", "verdict", "outcome", "withdrawn"),
        withdrawn=lambda row: row.withdrawn_at is not None,
    )


def _check_alarms(session: Session, account: Account) -> None:
    rows = session.execute(select(SeriesRow, AlarmRow).join(AlarmRow, AlarmRow.series == SeriesRow.id))
    on_rates = {rate_key(alarms.subject_of(series, row.rate)): row for series, row in rows}
    _compare("alarm", account.alarms.rates, on_rates, ("raised_at", "acknowledged_by"))
    kept = _rows(session, QualityAlarmRow)
    raised = {name: row for name, row in kept.items() if row.kind != LOOKED}
    _compare("alarm about how officers decide,", account.alarms.accuracy, raised)
    # That somebody's decisions were looked at accuses nobody, and is in no entry.
    for row in kept.values():
        known = row.officer in account.staff.officers and (row.found, row.n) == (0, 0)
        if row.kind == LOOKED and not known:
            raise LedgerBrokenError("a look at how officers decide counts something, or is at nobody")


def _rows(session: Session, kind: type[Kind]) -> dict[str, Kind]:
    """All rows of a table by their names: what stands in the columns of the primary key."""
    names = [column.name for column in inspect(kind).primary_key]
    rows = session.scalars(select(kind))
    return {" ".join(str(getattr(row, name)) for name in names): row for row in rows}


def _compare(
    what: str,
    expected: Mapping[str, object],
    found: Mapping[str, Table],
    columns: Iterable[str] = (),
    **read: Callable[[Any], object],
) -> None:
    """Raise LedgerBrokenError unless the rows found have the values expected in these columns.

    `columns`: what is compared. Where none are given, `expected` has rows, and every column is compared that
    NOT_PROVEN does not name. `read`: how the value is found in a row that has no such column, or another form
    of it.
    """
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise LedgerBrokenError(f"{what} {name}: the ledger knows it, its table does not")
        if name not in expected:
            raise LedgerBrokenError(f"{what} {name}: its table knows it, the ledger does not")
        wrong = [
            column
            for column in columns or _proven(type(found[name]))
            if read.get(column, attrgetter(column))(found[name]) != getattr(expected[name], column)
        ]
        if wrong:
            raise LedgerBrokenError(
                f"{what} {name}: {', '.join(wrong)} in its table is not what was recorded"
            )


@cache
def _proven(kind: type[Table]) -> list[str]:
    names = [column.name for column in inspect(kind).columns]
    return [name for name in names if f"{kind.__tablename__}.{name}" not in NOT_PROVEN]


def _credentials(row: OfficerRow) -> str:
    if officers.provider_hash(row) != row.external_sha256:
        return "of somebody else at the identity provider"
    return officers.credentials_of(row)


def _judged(row: ReferralRow | RoundRow) -> JudgedFact:
    return JudgedFact.model_validate_json(row.judged)


def _note_hash(row: ReferralRow | OpinionRow | ShiftRow) -> str | None:
    return None if row.note is None else decisions.note_hash(row.note)


def _decision(row: ReferralRow) -> Body | None:
    """The decision; where the row has some part of one, a body that no entry has."""
    decision = decisions.in_row(row)
    if decision is not None:
        return decisions.as_body(decision)
    # One column alone would take a case out of the queue, and give nobody an answer.
    parts = (row.decision, row.answer, row.ground, row.decided_by, row.decided_at)
    return None if all(part is None for part in parts) else {}
