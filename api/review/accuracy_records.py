"""The accuracy of each officer, on prepared cases and on travellers; alarms about it; and training.

Only the officer and the trainers see the figures. They are never a reason in a case. A training case has the
same three steps and pages as any other; the truth is shown after each decision. It does not touch the queue.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.ledger import chain
from api.ledger.facts import JudgedFact
from api.people.officers import SignedInOfficer, is_disabled
from api.people.roles import Task, having
from api.platform.database.database import Database
from api.platform.database.tables import (
    LedgerRow,
    OfficerRow,
    OpinionRow,
    PreparedRow,
    QualityAlarmRow,
    ReferralRow,
    SeededRow,
)
from api.platform.errors import NameUnknownError
from api.platform.settings import Settings
from api.review.cases import steps
from api.review.cases.steps import Match, Verdict
from api.review.officer_accuracy import (
    AccuracyFigures,
    Outcome,
    PreparedDecision,
    TravellerDecision,
    Truth,
    alarm_tests,
    figures,
)
from api.review.prepared import inserted, stored_cases
from lane.decision.referral import Answer
from lane.ledger.entry import read

log = structlog.get_logger(__name__)

WINDOW = timedelta(days=30)
MOST_DECISIONS = 1000
LOOK_EVERY = timedelta(days=1)
LOOKED = "looked"
TRAINING_LANE = "training"
ONE_TRAINING = timedelta(hours=4)
"""Cases within it are one training, and are summed up together."""


@dataclass(frozen=True, slots=True)
class AccuracyRecord:
    officer: str
    name: str
    figures: AccuracyFigures
    alarms: list[QualityAlarmRow]
    """Shares in the officer's decisions that chance does not explain; the cause is not known."""


@dataclass(frozen=True, slots=True)
class AccuracyRecords:
    database: Database
    clock: Callable[[], datetime]

    def record_of(self, officer: str) -> AccuracyRecord:
        """The figures of one officer. Raises NameUnknownError."""
        with self.database.read() as session:
            return _record_of(session, officer, at=self.clock())

    def records(self) -> list[AccuracyRecord]:
        """Everybody who decides cases, by name."""
        with self.database.read() as session:
            return [_record_of(session, row.pseudonym, at=self.clock()) for row in _measured(session)]

    def update_alarms(self) -> None:
        """Test the decisions of each officer, once a day, and raise or clear alarms."""
        with self.database.read() as session:
            untested = due(session, at=self.clock())
        for officer in untested:
            with self.database.write() as session:
                raised = _update_alarms(session, officer, at=self.clock())
            for kind in raised:
                log.warning("quality.alarm_raised", officer=officer, kind=kind)


@dataclass(frozen=True, slots=True)
class Training:
    settings: Settings
    database: Database
    clock: Callable[[], datetime]

    def next(self, officer: SignedInOfficer) -> tuple[str, datetime] | None:
        """The case to train on, and until when it is the officer's; None where there is none."""
        with self.database.write() as session:
            now, who = self.clock(), officer.pseudonym
            row = inserted.live(session, who, training=True)
            row = row or stored_cases.offer(session, who, training=True, lane=TRAINING_LANE, at=now)
            if row is None:
                return None
            lease = timedelta(seconds=self.settings.lease_s)
            return row.passage, inserted.claim(session, row, at=now, lease=lease)

    def trained(self, officer: SignedInOfficer) -> list[PreparedDecision]:
        with self.database.read() as session:
            return inserted.trained(session, officer.pseudonym, since=self.clock() - ONE_TRAINING)


def _record_of(session: Session, officer: str, *, at: datetime) -> AccuracyRecord:
    row = session.get(OfficerRow, officer)
    if row is None:
        raise NameUnknownError("officer", officer)
    found = figures(_prepared_decisions(session, officer, at), _traveller_decisions(session, officer, at))
    return AccuracyRecord(officer, row.name, found, _alarms(session, officer))


def count_alarms(session: Session) -> int:
    query = select(func.count()).select_from(QualityAlarmRow).where(QualityAlarmRow.kind != LOOKED)
    return session.scalar(query) or 0


def due(session: Session, *, at: datetime) -> list[str]:
    """Officers whose decisions were not tested within a day."""
    looked = select(QualityAlarmRow.officer).where(
        QualityAlarmRow.kind == LOOKED, QualityAlarmRow.looked_at > at - LOOK_EVERY
    )
    seen = set(session.scalars(looked))
    return [row.pseudonym for row in _measured(session) if row.pseudonym not in seen]


def _update_alarms(session: Session, officer: str, *, at: datetime) -> list[str]:
    """Test an officer's decisions; return the kinds of alarms that were raised.

    Nothing happens where another worker tested within a day.
    """
    if officer not in due(session, at=at):
        return []
    session.merge(QualityAlarmRow(officer=officer, kind=LOOKED, raised_at=at, looked_at=at, found=0, n=0))
    session.flush()
    rows = {row.kind: row for row in _alarms(session, officer)}
    raised = []
    for found in alarm_tests(_traveller_decisions(session, officer, at)):
        known = rows.get(found.kind)
        about = {"officer": officer, "kind": found.kind}
        if known is None and found.alarming:
            numbers = {"found": found.found, "n": found.n}
            session.add(QualityAlarmRow(**about, raised_at=at, looked_at=at, **numbers))
            session.flush()
            body = {**about, **numbers, "allowed": found.allowed}
            chain.append(session, "quality.alarm_raised", body, at=at)
            raised.append(found.kind)
        elif known is not None and found.clean:
            session.delete(known)
            session.flush()
            chain.append(session, "quality.alarm_cleared", about, at=at)
    return raised


def _measured(session: Session) -> list[OfficerRow]:
    measured = OfficerRow.role.in_(sorted(having(Task.BE_MEASURED)))
    rows = session.scalars(select(OfficerRow).where(measured).order_by(OfficerRow.name))
    return [row for row in rows if not is_disabled(row)]


def _prepared_decisions(session: Session, officer: str, at: datetime) -> Iterator[PreparedDecision]:
    rows = session.execute(
        select(PreparedRow.truth, SeededRow.outcome)
        .join(PreparedRow, PreparedRow.case == SeededRow.case)
        .where(SeededRow.officer == officer, SeededRow.training.is_(False))
        .where(SeededRow.outcome.is_not(None), SeededRow.decided_at > at - WINDOW)
    )
    for truth, outcome in rows:
        yield PreparedDecision(Truth(truth), Outcome(str(outcome)))


def _traveller_decisions(session: Session, officer: str, at: datetime) -> list[TravellerDecision]:
    """The officer's last decisions for which faces were judged, the newest first."""
    opinions = session.scalars(
        select(OpinionRow)
        .where(OpinionRow.officer == officer, OpinionRow.at > at - WINDOW)
        .where(OpinionRow.kind.in_(("judged", "decided", "proposed")))
        .order_by(OpinionRow.at.desc())
        .limit(2 * MOST_DECISIONS)
    ).all()
    # After the findings were shown under an earlier claim, a judgement is not blind, and does not count.
    judged = {
        (one.passage, one.claim): one
        for one in opinions
        if one.kind == "judged" and not json.loads(one.details or "{}").get("seen_before")
    }
    answers = [one for one in opinions if one.kind != "judged" and (one.passage, one.claim) in judged]
    passages = {one.passage for one in answers}
    claimed = _claimed_at(session, passages, officer)
    cases = [session.get_one(ReferralRow, passage) for passage in passages]
    machine = {row.passage: steps.match(JudgedFact.model_validate_json(row.judged)) for row in cases}
    return [
        _traveller_decision(
            judged[one.passage, one.claim], one, machine[one.passage], claimed.get((one.passage, one.claim))
        )
        for one in answers
    ]


def _traveller_decision(
    verdict: OpinionRow, answer: OpinionRow, found: Match, claimed_at: datetime | None
) -> TravellerDecision:
    took_s = (answer.at - claimed_at).total_seconds() if claimed_at else inf
    same = {Verdict.SAME.value: True, Verdict.DIFFERENT.value: False}.get(str(verdict.verdict))
    admitted = {Answer.ADMIT.value: True, Answer.SECOND_LINE.value: False}.get(str(answer.answer))
    machine = {Match.MATCH: True, Match.NO_MATCH: False}.get(found)
    return TravellerDecision(
        # The clock was set back in between.
        seconds=took_s if took_s >= 0 else inf,
        before=None if same is None or machine is None else same == machine,
        after=None if None in (same, admitted, machine) else admitted == machine,
        changed=same is not None and admitted is not None and same != admitted,
    )


def _claimed_at(session: Session, passages: Iterable[str], officer: str) -> dict[tuple[str, int], datetime]:
    """When each case was claimed, from the ledger."""
    rows = session.execute(
        select(LedgerRow.payload, LedgerRow.hash).where(
            LedgerRow.passage.in_(sorted(passages)), LedgerRow.lane.is_(None)
        )
    )
    entries = (read(payload, hash_) for payload, hash_ in rows)
    return {
        (str(one.body["passage"]), int(one.body["claim"])): one.at
        for one in entries
        if one.kind == "referral.claimed" and one.body.get("officer") == officer
    }


def _alarms(session: Session, officer: str) -> list[QualityAlarmRow]:
    query = select(QualityAlarmRow).where(QualityAlarmRow.officer == officer, QualityAlarmRow.kind != LOOKED)
    return list(session.scalars(query.order_by(QualityAlarmRow.kind)))
