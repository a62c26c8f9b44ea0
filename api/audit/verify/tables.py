"""Compares the desk's tables with the account of the ledger: row by row, both ways."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.replay.account import Account
from api.audit.replay.alarms import AccuracyAlarmColumns, RateAlarmColumns, accuracy_key, rate_key
from api.audit.replay.cases import Body, OpinionColumns, ReferralColumns, RoundColumns
from api.audit.replay.lanes import CommandColumns, LaneColumns, RequestColumns
from api.audit.replay.prepared_cases import InsertedColumns, PreparedColumns
from api.audit.replay.shifts import ShiftColumns
from api.audit.replay.staff import OfficerColumns, PasskeyColumns
from api.lanes import tokens
from api.lanes.evaluation import alarms
from api.lanes.recovery import Recovery
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
)
from api.review.accuracy_records import LOOKED
from api.review.cases import decisions
from lane.ledger.entry import Head
from lane.platform.errors import LedgerBrokenError


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
        {row.id: row for row in session.scalars(select(LaneRow))},
        LaneColumns,
        token_sha256=lambda row: None if tokens.is_revoked(row) else row.token_sha256,
        head=lambda row: Head(row.head_seq, row.head_hash),
    )
    _compare(
        "what is wanted of lane",
        {name: lane.commands[-1] for name, lane in lanes.items() if lane.commands},
        {row.lane: row for row in session.scalars(select(LaneCommandRow))},
        CommandColumns,
    )
    _compare(
        "what is asked of lane",
        {name: lane.requests[-1] for name, lane in lanes.items() if lane.requests},
        {row.lane: row for row in session.scalars(select(LaneRequestRow))},
        RequestColumns,
    )
    _compare(
        "recovery of lane",
        {name: lane.recovery for name, lane in lanes.items() if lane.recovery is not None},
        {row.lane: row for row in session.scalars(select(RecoveryRow))},
        Recovery,
        after=attrgetter("after_seq"),
        through=attrgetter("through_seq"),
    )


def _check_people(session: Session, account: Account) -> None:
    _compare(
        "officer",
        account.staff.officers,
        {row.pseudonym: row for row in session.scalars(select(OfficerRow))},
        OfficerColumns,
        credentials=_credentials,
        disabled=officers.is_disabled,
    )
    _compare(
        "passkey",
        account.staff.passkeys,
        {row.sha256: row for row in session.scalars(select(PasskeyRow))},
        PasskeyColumns,
        key=passkeys.key_hash,
        credential=lambda row: passkeys.name_of(row.credential),
    )
    _compare(
        "shift",
        account.shifts.by_id,
        {row.id: row for row in session.scalars(select(ShiftRow))},
        ShiftColumns,
        note=_note_hash,
    )


def _check_cases(session: Session, account: Account) -> None:
    cases = account.cases.by_passage
    _compare(
        "passage",
        cases,
        {row.passage: row for row in session.scalars(select(ReferralRow))},
        ReferralColumns,
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
        RoundColumns,
        judged=_judged,
    )
    _compare(
        "opinion",
        {name: one for case in cases.values() for name, one in case.opinions.items()},
        {row.id: row for row in session.scalars(select(OpinionRow))},
        OpinionColumns,
        details=lambda row: None if row.details is None else json.loads(row.details),
        note=_note_hash,
    )


def _check_prepared_cases(session: Session, account: Account) -> None:
    _compare(
        "one of the prepared cases,",
        account.prepared_cases.cases,
        {row.case: row for row in session.scalars(select(PreparedRow))},
        PreparedColumns,
        retired=lambda row: row.retired_at is not None,
    )
    _compare(
        "prepared case before an officer,",
        account.prepared_cases.inserted,
        {row.passage: row for row in session.scalars(select(SeededRow))},
        InsertedColumns,
        withdrawn=lambda row: row.withdrawn_at is not None,
    )


def _check_alarms(session: Session, account: Account) -> None:
    rows = session.execute(select(SeriesRow, AlarmRow).join(AlarmRow, AlarmRow.series == SeriesRow.id))
    on_rates = {rate_key(alarms.subject_of(series, row.rate)): row for series, row in rows}
    _compare("alarm", account.alarms.rates, on_rates, RateAlarmColumns)
    kept = session.scalars(select(QualityAlarmRow)).all()
    _compare(
        "alarm about how officers decide,",
        account.alarms.accuracy,
        {accuracy_key(row.officer, row.kind): row for row in kept if row.kind != LOOKED},
        AccuracyAlarmColumns,
    )
    # That somebody's decisions were looked at accuses nobody, and is in no entry.
    for row in kept:
        known = row.officer in account.staff.officers and (row.found, row.n) == (0, 0)
        if row.kind == LOOKED and not known:
            raise LedgerBrokenError("a look at how officers decide counts something, or is at nobody")


def _compare(
    what: str,
    expected: Mapping[str, object],
    found: Mapping[str, object],
    columns: type[Any],
    **read: Callable[[Any], object],
) -> None:
    """Raise LedgerBrokenError unless the rows found have the values expected in these columns.

    `read`: how the value is found in a row that has no such column, or another form of it.
    """
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise LedgerBrokenError(f"{what} {name}: the ledger knows it, its table does not")
        if name not in expected:
            raise LedgerBrokenError(f"{what} {name}: its table knows it, the ledger does not")
        wrong = [
            column.name
            for column in fields(columns)
            if read.get(column.name, attrgetter(column.name))(found[name])
            != getattr(expected[name], column.name)
        ]
        if wrong:
            raise LedgerBrokenError(
                f"{what} {name}: {', '.join(wrong)} in its table is not what was recorded"
            )


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
