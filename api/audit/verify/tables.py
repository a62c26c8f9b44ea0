"""Compares the desk's tables with the account of the ledger: row by row, both ways."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.replay.account import Account
from api.audit.replay.alarms import alarm_key
from api.audit.replay.cases import Case, details
from api.lanes import intake
from api.lanes.evaluation import alarms
from api.ledger.facts import JudgedFact
from api.people import officers, stored_passkeys
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

Fields = Mapping[str, object]


def check_tables(session: Session, account: Account) -> None:
    """Raise LedgerBrokenError where a table says something else than the ledger, more or less."""
    _check_lanes(session, account)
    _check_commands(session, account)
    _check_requests(session, account)
    _check_prepared(session, account)
    _check_quality_alarms(session, account)
    _check_officers(session, account)
    _check_passkeys(session, account)
    _check_referrals(session, account)
    _check_alarms(session, account)
    _check_shifts(session, account)
    _check_recoveries(session, account)
    keys = {row.key: {"seq": row.seq} for row in session.scalars(select(SigningKeyRow))}
    _compare("key", {key: {"seq": seq} for key, seq in account.signing_keys.items()}, keys)


def _check_lanes(session: Session, account: Account) -> None:
    expected = {
        name: {
            "token": lane.token_sha256,
            "token_until": lane.token_until,
            "former": lane.former_sha256,
            "former_until": lane.former_until,
            "head": lane.head,
        }
        for name, lane in account.lanes.by_name.items()
    }
    found = {
        row.id: {
            "token": None if intake.is_revoked(row) else row.token_sha256,
            "token_until": row.token_until,
            "former": row.former_sha256,
            "former_until": row.former_until,
            "head": Head(row.head_seq, row.head_hash),
        }
        for row in session.scalars(select(LaneRow))
    }
    _compare("lane", expected, found)


def _check_commands(session: Session, account: Account) -> None:
    expected = {
        name: (len(lane.commands), *lane.commands[-1])
        for name, lane in account.lanes.by_name.items()
        if lane.commands
    }
    rows = session.scalars(select(LaneCommandRow))
    if {row.lane: (row.number, row.wanted, row.by) for row in rows} != expected:
        raise LedgerBrokenError("what is wanted of a lane is not what the ledger says")


def _check_requests(session: Session, account: Account) -> None:
    expected = {
        name: (len(lane.requests), last.code, last.by, last.until)
        for name, lane in account.lanes.by_name.items()
        for last in lane.requests[-1:]
    }
    rows = session.scalars(select(LaneRequestRow))
    if {row.lane: (row.number, row.code, row.by, row.until) for row in rows} != expected:
        raise LedgerBrokenError("what is asked of a lane is not what the ledger says")


def _check_prepared(session: Session, account: Account) -> None:
    found = {
        row.passage: (row.case, row.officer, row.verdict, row.outcome, row.withdrawn_at is not None)
        for row in session.scalars(select(SeededRow))
    }
    if found != account.prepared_cases.reviews():
        raise LedgerBrokenError("what officers said of prepared cases is not what the ledger says")
    cases = {
        row.case: (row.truth, row.retired_at is not None) for row in session.scalars(select(PreparedRow))
    }
    if cases != account.prepared_cases.cases():
        raise LedgerBrokenError("the prepared cases are not those of the ledger")


def _check_quality_alarms(session: Session, account: Account) -> None:
    rows = session.scalars(select(QualityAlarmRow)).all()
    found = {(row.officer, row.kind): (row.found, row.n) for row in rows if row.kind != LOOKED}
    # That somebody's decisions were looked at accuses nobody, and is in no entry.
    looked = {row.officer: (row.found, row.n) for row in rows if row.kind == LOOKED}
    if (
        found != account.prepared_cases.alarms
        or not looked.keys() <= account.staff.officers.keys()
        or any(counted != (0, 0) for counted in looked.values())
    ):
        raise LedgerBrokenError("the alarms about how officers decide are not those of the ledger")


def _check_officers(session: Session, account: Account) -> None:
    expected = {
        pseudonym: {
            "disabled": kept is None,
            "credentials": kept or account.staff.gone[pseudonym],
            "role": account.staff.roles[pseudonym],
            "duties": account.staff.duties[pseudonym],
        }
        for pseudonym, kept in account.staff.officers.items()
    }
    found = {
        row.pseudonym: {
            "disabled": officers.is_disabled(row),
            "credentials": _credentials(row),
            "role": row.role,
            "duties": row.duties,
        }
        for row in session.scalars(select(OfficerRow))
    }
    _compare("officer", expected, found)


def _check_passkeys(session: Session, account: Account) -> None:
    expected = {name: {"credential": name, **key} for name, key in account.staff.passkeys.items()}
    found = {
        row.sha256: {
            "credential": stored_passkeys.name_of(row.credential),
            "officer": row.officer,
            "key": stored_passkeys.key_hash(row),
        }
        for row in session.scalars(select(PasskeyRow))
    }
    _compare("passkey", expected, found)


def _check_referrals(session: Session, account: Account) -> None:
    expected = {passage: _replayed_case(case) for passage, case in account.cases.items()}
    found = {row.passage: _stored_case(row) for row in session.scalars(select(ReferralRow))}
    _compare("passage", expected, found)
    _check_rounds(session, account)
    _check_opinions(session, account)


def _check_rounds(session: Session, account: Account) -> None:
    expected = {
        f"{passage} round {number}": {"judged": referral.judged, "decision": decision}
        for passage, case in account.cases.items()
        for number, referral, decision in case.rounds
    }
    found = {
        f"{row.passage} round {row.number}": {
            "judged": JudgedFact.model_validate_json(row.judged),
            "decision": row.decision,
        }
        for row in session.scalars(select(RoundRow))
    }
    _compare("passage", expected, found)


def _check_opinions(session: Session, account: Account) -> None:
    expected = {
        name: {"passage": passage, **said}
        for passage, case in account.cases.items()
        for name, said in case.opinions.items()
    }
    _compare(
        "opinion", expected, {row.id: _stored_opinion(row) for row in session.scalars(select(OpinionRow))}
    )


def _check_shifts(session: Session, account: Account) -> None:
    found = {
        row.id: {
            "officer": row.officer,
            "started_at": row.started_at,
            "stretch_at": row.stretch_at,
            "paused_at": row.paused_at,
            "ended_at": row.ended_at,
            "note": decisions.note_hash(row.note) if row.note is not None else None,
            "handed_to": row.handed_to,
        }
        for row in session.scalars(select(ShiftRow))
    }
    _compare("shift", account.shifts.by_id, found)


def _check_alarms(session: Session, account: Account) -> None:
    rows = session.execute(select(SeriesRow, AlarmRow).join(AlarmRow, AlarmRow.series == SeriesRow.id))
    found = {
        alarm_key(alarms.subject_of(series, row.rate)): {
            "raised_at": row.raised_at,
            "acknowledged_by": row.acknowledged_by,
        }
        for series, row in rows
    }
    _compare("alarm", account.alarms.raised, found)


def _check_recoveries(session: Session, account: Account) -> None:
    expected = {
        name: {"after": lane.recovery.after, "through": lane.recovery.through}
        for name, lane in account.lanes.by_name.items()
        if lane.recovery is not None
    }
    rows = session.scalars(select(RecoveryRow))
    found = {row.lane: {"after": row.after_seq, "through": row.through_seq} for row in rows}
    _compare("recovery of lane", expected, found)


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


def _credentials(row: OfficerRow) -> str:
    if officers.provider_hash(row) != row.external_sha256:
        return "of somebody else at the identity provider"
    return officers.credentials_of(row)


def _replayed_case(case: Case) -> Fields:
    referral = case.referral
    return {
        "lane": referral.lane,
        "opened_at": referral.opened_at,
        "gravity": referral.gravity,
        "judged": referral.judged,
        "ended": case.ended,
        "claimed_by": case.holder,
        "shown": case.shown,
        "decision": case.decision,
        "decided": case.decision is not None,
        "note": case.note_sha256,
        "claimed_until": case.claimed_until,
        "handed_at": case.handed_at,
        "round": case.round,
        "stage": case.stage.value,
        "step": case.step.value,
        "claims": case.claims,
        "escalated_at": case.escalated_at,
    }


def _stored_case(row: ReferralRow) -> Fields:
    decision = decisions.in_row(row)
    return {
        "lane": row.lane,
        "opened_at": row.opened_at,
        "gravity": row.gravity,
        "judged": JudgedFact.model_validate_json(row.judged),
        "ended": row.ended,
        "claimed_by": row.claimed_by,
        "shown": row.shown,
        "decision": decisions.as_body(decision) if decision else None,
        # One column alone would take a case out of the queue, and give nobody an answer.
        "decided": any(
            getattr(row, part) is not None
            for part in ("decision", "answer", "ground", "decided_by", "decided_at")
        ),
        "note": decisions.note_hash(row.note) if row.note is not None else None,
        # While a case waits, its claim may be renewed; the ledger has the last word with the decision.
        "claimed_until": row.claimed_until if decision else None,
        "handed_at": row.handed_at,
        "round": row.round,
        "stage": row.stage,
        "step": row.step,
        "claims": row.claims,
        "escalated_at": row.escalated_at,
    }


def _stored_opinion(row: OpinionRow) -> Fields:
    return {
        "passage": row.passage,
        "kind": row.kind,
        "round": row.round,
        "stage": row.stage,
        "claim": row.claim,
        "officer": row.officer,
        "at": row.at,
        "verdict": row.verdict,
        "confidence": row.confidence,
        "details": details(row.details),
        "answer": row.answer,
        "ground": row.ground,
        "note": decisions.note_hash(row.note) if row.note is not None else None,
    }
