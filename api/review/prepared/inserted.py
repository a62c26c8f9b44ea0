"""Prepared cases inserted into officers' work: each looks like a traveller's, and a traveller comes first.

An inserted case has no row among referrals: no lane can ask for it, and only its officer sees it. None is
offered while a traveller waits whom that officer could take, and it is withdrawn as soon as one comes.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

import structlog
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api.faces.keyring import Keyring
from api.ledger import chain
from api.people.officers import SignedInOfficer
from api.people.roles import Task
from api.platform.database.database import Database
from api.platform.database.tables import LedgerRow, OpinionRow, SeededRow
from api.platform.errors import (
    AlreadyDecidedError,
    AlreadyHandedError,
    AlreadyJudgedError,
    ClaimMissingError,
    GroundRefusedError,
    ImageUnknownError,
    NotDecidedError,
    NotRevealedError,
    NotShownError,
    PassageClosedError,
    ReferralUnknownError,
)
from api.platform.events import Broker, Event, EventName
from api.platform.settings import Settings
from api.review.cases import decisions, queue, steps
from api.review.cases.answers import AnswerResult, Judgement, OfficerAnswer, check_rules
from api.review.cases.queue import Opinion, Referral
from api.review.cases.steps import ReferralState, Stage, Step, Verdict
from api.review.officer_accuracy import Outcome, PreparedDecision, outcome
from api.review.prepared import stored_cases
from lane.decision.reason_meaning import Rank
from lane.decision.referral import GROUNDS, Answer, Decision, Ground, PassageId

log = structlog.get_logger(__name__)

ENDED = "interrupted"


@dataclass(frozen=True, slots=True)
class InsertedCases:
    settings: Settings
    database: Database
    broker: Broker
    keyring: Keyring
    clock: Callable[[], datetime]
    serving: Callable[[Session, datetime], list[str]]
    """The lanes that let passengers in: a case of a lane that is shut would give itself away."""

    def case_for(self, officer: SignedInOfficer) -> Referral | None:
        """This officer's inserted case, offered now if one is due; None where a traveller waits."""
        if self.settings.seeded_share <= 0 or Task.BE_MEASURED not in officer.role.tasks:
            return None
        with self.database.read() as session:
            if not stored_cases.are_there(session, training=False):
                return None
            row = live(session, officer.pseudonym)
            needed = queue.waits_for(session, officer, at=self.clock())
            share = self.settings.seeded_share
            if row is None and (needed or not _is_due(session, officer.pseudonym, share)):
                return None
            if row is not None and not needed:
                return self._referral(session, row)
        return self._offer_or_withdraw(officer)

    def ended(self, officer: SignedInOfficer) -> list[Referral]:
        """Cases that were withdrawn from this officer, the last first; they look like passages that ended."""
        gone = select(SeededRow).where(
            SeededRow.officer == officer.pseudonym,
            SeededRow.training.is_(False),
            SeededRow.withdrawn_at.is_not(None),
        )
        with self.database.read() as session:
            rows = session.scalars(gone.order_by(SeededRow.opened_at.desc()).limit(queue.MOST_LISTED))
            return [self._referral(session, row) for row in rows]

    def view(self, passage: str, officer: SignedInOfficer) -> Referral:
        """The officer's own case; notes that its step was shown. Raises ReferralUnknownError."""
        with self._own_case(passage, officer) as (session, row):
            if _is_open(row) and _is_held(row, self.clock()):
                row.shown = True
                session.flush()
            return self._referral(session, row)

    def claim(self, passage: str, officer: SignedInOfficer) -> datetime:
        with self._own_case(passage, officer) as (session, row):
            before = row.claims
            lease = timedelta(seconds=self.settings.lease_s)
            until = claim(session, row, at=self.clock(), lease=lease)
            taken = row.claims > before
        if taken:
            self._publish("referral.changed", passage, officer.pseudonym)
        return until

    def release(self, passage: str, officer: SignedInOfficer) -> None:
        """Give it back: it waits on for the same officer."""
        with self._own_case(passage, officer) as (session, row):
            released = _is_open(row) and _is_held(row, self.clock())
            if released:
                row.claimed_until = None
                session.flush()
        if released:
            self._publish("referral.changed", passage, officer.pseudonym)

    def judge(self, passage: str, officer: SignedInOfficer, given: Judgement) -> None:
        """Keep a blind judgement. Raises what `api.review.cases.answers.judge` raises."""
        with self._own_case(passage, officer) as (session, row):
            _judge(session, row, given, at=self.clock())

    def decide(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> AnswerResult:
        """Answer; the truth is shown from then on. Raises what `api.review.cases.answers.decide` raises."""
        with self._own_case(passage, officer) as (session, row):
            given = _decide(session, row, wanted, at=self.clock())
        if given.new:
            log.info("prepared.decided", passage=passage, officer=officer.pseudonym)
            self._publish("referral.decided", passage, officer.pseudonym)
        return given

    def correct(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> NoReturn:
        """Refuse a correction: the truth was shown with the decision. Raises what
        `api.review.cases.answers.correct` raises for a decision that the lane has."""
        with self._own_case(passage, officer) as (_, row):
            if wanted.ground not in GROUNDS[wanted.answer]:
                raise GroundRefusedError
            if row.decided_at is not None:
                raise AlreadyHandedError
            raise PassageClosedError if row.withdrawn_at is not None else NotDecidedError

    def image(self, passage: str, sha256: str, officer: SignedInOfficer) -> bytes:
        """One image of a case that the officer has. Raises ClaimMissingError or ImageUnknownError."""
        with self.database.read() as session:
            row = _own(session, passage, officer)
            if not _is_open(row):
                raise ImageUnknownError
            if not _is_held(row, self.clock()):
                raise ClaimMissingError
            return stored_cases.image(session, self.keyring, row.case, sha256)

    def prepared_decision(self, passage: str, officer: SignedInOfficer) -> PreparedDecision | None:
        """The truth and the result of a decided case of this officer; None for every other case."""
        with self.database.read() as session:
            row = session.get(SeededRow, passage)
            mine = row is not None and row.officer == officer.pseudonym
            return _prepared_decision(session, row) if row is not None and mine else None

    def in_training(self, passage: str) -> bool:
        with self.database.read() as session:
            row = session.get(SeededRow, passage)
            return row is not None and row.training

    def withdraw_for(self, officer: SignedInOfficer) -> None:
        """Withdraw the officer's inserted case: the officer has a traveller now."""
        self._withdraw(SeededRow.officer == officer.pseudonym)

    def withdraw_all(self) -> None:
        """Withdraw all inserted cases: a traveller waits."""
        self._withdraw()

    def _withdraw(self, *whose: ColumnElement[bool]) -> None:
        query = select(SeededRow).where(*whose, SeededRow.training.is_(False), *stored_cases.OPEN)
        with self.database.read() as session:
            if session.scalar(query.limit(1)) is None:
                return
        with self.database.write() as session:
            rows = session.scalars(query).all()
            for row in rows:
                stored_cases.withdraw(session, row, at=self.clock())
            withdrawn = [(row.passage, row.officer) for row in rows]
        for passage, officer in withdrawn:
            self._publish("referral.changed", passage, officer)

    def _publish(self, name: EventName, passage: str, officer: str) -> None:
        """Publish an event for this officer's pages only."""
        self.broker.publish(Event(name, passage, officer))

    def _referral(self, session: Session, row: SeededRow) -> Referral:
        """An inserted case as a referral: the same fields, and the truth in none of them."""
        at, escalate_after = self.clock(), timedelta(seconds=self.settings.escalate_after_s)
        state = _state(row, at)
        decided, held = _decision(row), state == "claimed"
        judged = stored_cases.judged_of(session, row)
        has_judged = row.verdict is not None and row.step == Step.REVEALED.value
        return Referral(
            passage=row.passage,
            lane=row.lane,
            opened_at=row.opened_at,
            grave=steps.rank_of(judged.codes) is Rank.AT_ONCE,
            judged=judged,
            state=state,
            ended=ENDED if row.withdrawn_at else None,
            claimed_by=row.officer if held else None,
            claimed_until=row.claimed_until if held else None,
            decision=decided,
            handed_at=row.decided_at,  # it cannot be corrected: the truth was shown
            round=1,
            stage=Stage.FIRST,
            step=Step.DECIDED if decided else Step(row.step),
            claim=row.claims,
            shown=row.shown,
            escalated=not row.training
            and (row.decided_at or row.withdrawn_at or at) - row.opened_at >= escalate_after,
            duty="",
            proposed_by=frozenset(),
            opinion=Opinion.of(row) if has_judged else None,
        )

    def _offer_or_withdraw(self, officer: SignedInOfficer) -> Referral | None:
        """Decide again within the write transaction, since a traveller may have come meanwhile."""
        with self.database.write() as session:
            now = self.clock()
            row = live(session, officer.pseudonym)
            if queue.waits_for(session, officer, at=now):
                if row is not None:
                    stored_cases.withdraw(session, row, at=now)
                return None
            new = row is None
            lanes = [] if row else self.serving(session, now)
            if lanes:
                lane = secrets.choice(lanes)
                row = stored_cases.offer(session, officer.pseudonym, training=False, lane=lane, at=now)
            referral = self._referral(session, row) if row else None
        if referral is not None and new:
            self._publish("referral.opened", referral.passage, officer.pseudonym)
        return referral

    @contextmanager
    def _own_case(self, passage: str, officer: SignedInOfficer) -> Iterator[tuple[Session, SeededRow]]:
        """The officer's case, in a transaction; if a traveller waits, it is withdrawn in one before."""
        with self.database.read() as session:
            row = _own(session, passage, officer)
            inserted = _is_open(row) and not row.training
            gone = inserted and queue.waits_for(session, officer, at=self.clock())
        if gone:
            with self.database.write() as session:
                stored_cases.withdraw(session, _own(session, passage, officer), at=self.clock())
            self._publish("referral.changed", passage, officer.pseudonym)
        with self.database.write() as session:
            yield session, _own(session, passage, officer)


def live(session: Session, officer: str, *, training: bool = False) -> SeededRow | None:
    mine = (SeededRow.officer == officer, SeededRow.training.is_(training))
    return session.scalars(select(SeededRow).where(*mine, *stored_cases.OPEN).limit(1)).one_or_none()


def claim(session: Session, row: SeededRow, *, at: datetime, lease: timedelta) -> datetime:
    """Take it, and begin blind, or keep it for longer. Raises AlreadyDecidedError or PassageClosedError."""
    _must_be_open(row)
    if not _is_held(row, at):
        row.claimed_at = at
        row.claims += 1
        row.step, row.shown = Step.BLIND.value, False
    row.claimed_until = at + lease
    session.flush()
    return row.claimed_until


def release_all(session: Session, officer: str, *, at: datetime) -> list[str]:
    """Give back what the officer has of prepared cases, at work and in training; return which."""
    mine = select(SeededRow).where(SeededRow.officer == officer, *stored_cases.OPEN)
    held = list(session.scalars(mine.where(SeededRow.claimed_until > at)))
    for row in held:
        if _is_held(row, at):
            row.claimed_until = None
    session.flush()
    return [row.passage for row in held]


def trained(session: Session, officer: str, *, since: datetime) -> list[PreparedDecision]:
    """The results of an officer's training since then, in order."""
    rows = session.scalars(
        select(SeededRow)
        .where(SeededRow.officer == officer, SeededRow.training.is_(True), SeededRow.decided_at > since)
        .order_by(SeededRow.decided_at)
    )
    found = (_prepared_decision(session, row) for row in rows)
    return [one for one in found if one is not None]


def _own(session: Session, passage: str, officer: SignedInOfficer) -> SeededRow:
    row = session.get(SeededRow, passage)
    if row is None or row.officer != officer.pseudonym:
        raise ReferralUnknownError
    return row


def _is_due(session: Session, officer: str, share: float) -> bool:
    """By the share of such cases; a fraction is drawn by chance, once between two decisions."""
    cases = select(func.count()).select_from(SeededRow)
    seen = session.scalar(cases.where(SeededRow.officer == officer, SeededRow.training.is_(False))) or 0
    decided = select(func.count()).select_from(OpinionRow)
    real = session.scalar(decided.where(OpinionRow.officer == officer, OpinionRow.kind == "decided")) or 0
    owed = share * (real + seen + 1) - seen
    # From 0 to 1, the same until the officer decides again, and nobody can predict it.
    secret = session.scalar(select(LedgerRow.hash).order_by(LedgerRow.seq).limit(1)) or ""
    digest = hashlib.sha256(f"{secret} {officer} {real} {seen}".encode()).digest()
    return owed > int.from_bytes(digest[:7]) / 2**56


def _judge(session: Session, row: SeededRow, given: Judgement, *, at: datetime) -> None:
    _must_be_held(row, at)
    if row.step == Step.REVEALED.value:
        if (row.verdict, row.confidence) != (given.verdict.value, given.confidence):
            raise AlreadyJudgedError
        return
    if not row.shown:
        raise NotShownError
    row.step, row.shown = Step.REVEALED.value, False
    row.judged_at, row.verdict, row.confidence = at, given.verdict.value, given.confidence
    session.flush()
    said = {
        "verdict": given.verdict.value,
        "confidence": given.confidence,
        "features": dict(given.features),
        "viewed": [dict(view) for view in given.viewed],
        "claim": row.claims,
    }
    chain.append(session, "prepared.judged", stored_cases.entry_body(row, **said), at=at)


def _decide(session: Session, row: SeededRow, wanted: OfficerAnswer, *, at: datetime) -> AnswerResult:
    if wanted.ground not in GROUNDS[wanted.answer]:
        raise GroundRefusedError
    if row.decided_at is not None and (row.answer, row.ground) == (wanted.answer.value, wanted.ground.value):
        return AnswerResult(_decision(row), None, new=False)
    _must_be_held(row, at)
    if row.step != Step.REVEALED.value or row.verdict is None or not row.shown:
        raise NotRevealedError
    codes = stored_cases.judged_of(session, row).codes
    check_rules(wanted, codes, Verdict(row.verdict), repeats=0, refused=False)
    truth = stored_cases.truth_of(session, row)
    found = outcome(truth, wanted.answer, wanted.ground)
    row.decided_at, row.answer, row.ground = at, wanted.answer.value, wanted.ground.value
    row.outcome = found.value
    session.flush()
    said = {
        "answer": wanted.answer.value,
        "ground": wanted.ground.value,
        "note_sha256": decisions.note_hash(wanted.note),
        "truth": truth.value,
        "outcome": found.value,
    }
    chain.append(session, "prepared.decided", stored_cases.entry_body(row, **said), at=at)
    return AnswerResult(_decision(row), None, new=True)


def _decision(row: SeededRow) -> Decision | None:
    """The officer's decision, which no lane receives."""
    if row.decided_at is None:
        return None
    answer, ground = Answer(str(row.answer)), Ground(str(row.ground))
    return Decision(row.passage, PassageId(row.passage), answer, ground, row.officer, row.decided_at)


def _prepared_decision(session: Session, row: SeededRow) -> PreparedDecision | None:
    """The truth and the result, once it is decided."""
    if row.outcome is None:
        return None
    return PreparedDecision(stored_cases.truth_of(session, row), Outcome(row.outcome))


def _state(row: SeededRow, at: datetime) -> ReferralState:
    if row.decided_at is not None:
        return "decided"
    if row.withdrawn_at is not None:
        return "ended"
    return "claimed" if _is_held(row, at) else "open"


def _must_be_held(row: SeededRow, at: datetime) -> None:
    _must_be_open(row)
    if not _is_held(row, at):
        raise ClaimMissingError


def _must_be_open(row: SeededRow) -> None:
    if row.decided_at is not None:
        raise AlreadyDecidedError
    if row.withdrawn_at is not None:
        raise PassageClosedError


def _is_open(row: SeededRow) -> bool:
    return row.decided_at is None and row.withdrawn_at is None


def _is_held(row: SeededRow, at: datetime) -> bool:
    return queue.lasts(row.claimed_until, at)
