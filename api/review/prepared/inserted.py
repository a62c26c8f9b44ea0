"""Prepared cases inserted into officers' work: each looks like a traveller's, and a traveller comes first.

An inserted case has no row among referrals: no lane can ask for it, and only its officer sees it.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.faces.keyring import Keyring
from api.ledger import chain
from api.people.officers import SignedInOfficer
from api.platform.database.tables import LedgerRow, OpinionRow, SeededRow
from api.platform.errors import (
    AlreadyDecidedError,
    AlreadyHandedError,
    AlreadyJudgedError,
    ClaimMissingError,
    GroundRefusedError,
    ImageUnknownError,
    NotDecidedError,
    NoteMissingError,
    NotRevealedError,
    NotShownError,
    PassageClosedError,
    ReferralUnknownError,
    RepeatRefusedError,
)
from api.review.cases import duties, queue, steps
from api.review.cases.answers import AnswerResult, Judgement, OfficerAnswer
from api.review.cases.queue import Opinion, Referral
from api.review.cases.steps import ReferralState, Stage, Step, Verdict
from api.review.officer_accuracy import Outcome, PreparedDecision, outcome
from api.review.prepared import stored_cases
from lane.decision.reason_meaning import Rank
from lane.decision.referral import GROUNDS, Answer, Decision, Ground, PassageId

ENDED = "interrupted"


def own_case(session: Session, passage: str, officer: str) -> SeededRow:
    """The officer's own inserted case. Raises ReferralUnknownError."""
    row = session.get(SeededRow, passage)
    if row is None or row.officer != officer:
        raise ReferralUnknownError
    return row


def live(session: Session, officer: str, *, training: bool = False) -> SeededRow | None:
    """The officer's inserted case that is neither decided nor withdrawn."""
    return session.scalars(
        select(SeededRow)
        .where(
            SeededRow.officer == officer,
            SeededRow.training.is_(training),
            SeededRow.decided_at.is_(None),
            SeededRow.withdrawn_at.is_(None),
        )
        .limit(1)
    ).one_or_none()


def due(session: Session, officer: str, share: float) -> bool:
    """Whether the officer is due an inserted case, by the share of inserted cases.

    A remaining fraction is drawn by chance, once between two decisions: asking again changes nothing.
    """
    cases = select(func.count()).select_from(SeededRow)
    seen = session.scalar(cases.where(SeededRow.officer == officer, SeededRow.training.is_(False))) or 0
    decided = select(func.count()).select_from(OpinionRow)
    real = session.scalar(decided.where(OpinionRow.officer == officer, OpinionRow.kind == "decided")) or 0
    owed = share * (real + seen + 1) - seen
    return owed > _drawn(session, officer, real, seen)


def any_live(session: Session) -> bool:
    """Whether any officer at work has an inserted case."""
    waiting = select(SeededRow.passage).where(
        SeededRow.training.is_(False), SeededRow.decided_at.is_(None), SeededRow.withdrawn_at.is_(None)
    )
    return session.scalar(waiting.limit(1)) is not None


def offer(session: Session, officer: str, lanes: list[str], *, at: datetime) -> SeededRow | None:
    """Insert a case for an officer, as if it came from one of these lanes."""
    if not lanes:
        return None
    lane = secrets.choice(lanes)
    return stored_cases.offer(session, officer, training=False, lane=lane, at=at, waited=at)


def withdraw_all(session: Session, *, at: datetime) -> list[SeededRow]:
    """Withdraw every inserted case."""
    waiting = select(SeededRow).where(
        SeededRow.training.is_(False), SeededRow.decided_at.is_(None), SeededRow.withdrawn_at.is_(None)
    )
    rows = list(session.scalars(waiting))
    for row in rows:
        stored_cases.withdraw(session, row, at=at)
    return rows


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


def release(session: Session, row: SeededRow, *, at: datetime) -> bool:
    """Give it back: it waits on for the same officer. False where the officer did not have it."""
    if row.decided_at is not None or row.withdrawn_at is not None or not _is_held(row, at):
        return False
    row.claimed_until = None
    session.flush()
    return True


def note_shown(session: Session, row: SeededRow, *, at: datetime) -> None:
    """Note that the officer who has the case was shown the present step."""
    if row.decided_at is None and row.withdrawn_at is None and _is_held(row, at):
        row.shown = True
        session.flush()


def release_all(session: Session, officer: str, *, at: datetime) -> list[str]:
    """Give back what the officer has of prepared cases, at work and in training; return which."""
    held = select(SeededRow).where(
        SeededRow.officer == officer,
        SeededRow.decided_at.is_(None),
        SeededRow.withdrawn_at.is_(None),
        SeededRow.claimed_until > at,
    )
    rows = list(session.scalars(held))
    for row in rows:
        release(session, row, at=at)
    return [row.passage for row in rows]


def leave(session: Session, officer: str, *, at: datetime) -> list[str]:
    """Give back every case of a leaving officer, travellers' and prepared ones; return which."""
    return queue.release_all(session, officer, at=at) + release_all(session, officer, at=at)


def judge(session: Session, row: SeededRow, given: Judgement, *, at: datetime) -> None:
    """Keep a blind judgement. Raises what `api.review.cases.answers.judge` raises."""
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


def decide(session: Session, row: SeededRow, wanted: OfficerAnswer, *, at: datetime) -> AnswerResult:
    """Answer; the truth is shown from then on. Raises what `api.review.cases.answers.decide` raises."""
    if wanted.ground not in GROUNDS[wanted.answer]:
        raise GroundRefusedError
    if row.decided_at is not None and (row.answer, row.ground) == (wanted.answer.value, wanted.ground.value):
        return AnswerResult(decision_of(row), None, new=False)
    _must_be_held(row, at)
    if row.step != Step.REVEALED.value or row.verdict is None or not row.shown:
        raise NotRevealedError
    codes = frozenset(reason.code for reason in stored_cases.judged_of(session, row).reasons)
    if wanted.answer is Answer.REPEAT_CAPTURE and not steps.may_repeat(codes, 0):
        raise RepeatRefusedError
    needed = steps.needs_note(codes, Verdict(row.verdict), wanted.answer, wanted.ground)
    if needed and not wanted.note.strip():
        raise NoteMissingError
    truth = stored_cases.truth_of(session, row)
    found = outcome(truth, wanted.answer, wanted.ground)
    row.decided_at, row.answer, row.ground = at, wanted.answer.value, wanted.ground.value
    row.outcome = found.value
    session.flush()
    said = {
        "answer": wanted.answer.value,
        "ground": wanted.ground.value,
        "note_sha256": stored_cases.note_hash(wanted.note),
        "truth": truth.value,
        "outcome": found.value,
    }
    chain.append(session, "prepared.decided", stored_cases.entry_body(row, **said), at=at)
    return AnswerResult(decision_of(row), None, new=True)


def correct(row: SeededRow, wanted: OfficerAnswer) -> NoReturn:
    """Refuse a correction: the truth was shown with the decision. Raises what
    `api.review.cases.answers.correct` raises for a decision that the lane has."""
    if wanted.ground not in GROUNDS[wanted.answer]:
        raise GroundRefusedError
    if row.decided_at is not None:
        raise AlreadyHandedError
    raise PassageClosedError if row.withdrawn_at is not None else NotDecidedError


def ended(session: Session, officer: str, *, limit: int) -> list[SeededRow]:
    """Cases that were withdrawn from the officer, the last first."""
    gone = select(SeededRow).where(
        SeededRow.officer == officer, SeededRow.training.is_(False), SeededRow.withdrawn_at.is_not(None)
    )
    return list(session.scalars(gone.order_by(SeededRow.opened_at.desc()).limit(limit)))


def prepared_decision_of(session: Session, row: SeededRow) -> PreparedDecision | None:
    """The truth and the result, once it is decided."""
    if row.outcome is None:
        return None
    return PreparedDecision(stored_cases.truth_of(session, row), Outcome(row.outcome))


def trained(session: Session, officer: str, *, since: datetime) -> list[PreparedDecision]:
    """The results of an officer's training since then, in order."""
    rows = session.scalars(
        select(SeededRow)
        .where(SeededRow.officer == officer, SeededRow.training.is_(True), SeededRow.decided_at > since)
        .order_by(SeededRow.decided_at)
    )
    found = (prepared_decision_of(session, row) for row in rows)
    return [one for one in found if one is not None]


def image(session: Session, keyring: Keyring, row: SeededRow, sha256: str, *, at: datetime) -> bytes:
    """One image of a case that the officer has. Raises ClaimMissingError or ImageUnknownError."""
    if row.decided_at is not None or row.withdrawn_at is not None:
        raise ImageUnknownError
    if not _is_held(row, at):
        raise ClaimMissingError
    return stored_cases.image(session, keyring, row.case, sha256)


def as_referral(session: Session, row: SeededRow, *, at: datetime, escalate_after: timedelta) -> Referral:
    """An inserted case as a referral: the same fields, and the truth in none of them."""
    state = _state(row, at)
    decided, held = decision_of(row), state == "claimed"
    judged = stored_cases.judged_of(session, row)
    said = row.verdict if row.step == Step.REVEALED.value else None
    opinion = Opinion(row.officer, Verdict(said), int(row.confidence or 0)) if said else None
    return Referral(
        passage=row.passage,
        lane=row.lane,
        opened_at=row.opened_at,
        grave=duties.rank_of(judged.codes) is Rank.AT_ONCE,
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
        spoken=frozenset(),
        opinion=opinion,
    )


def decision_of(row: SeededRow) -> Decision | None:
    """The officer's decision, which no lane receives."""
    if row.decided_at is None:
        return None
    answer, ground = Answer(str(row.answer)), Ground(str(row.ground))
    return Decision(row.passage, PassageId(row.passage), answer, ground, row.officer, row.decided_at)


def is_needed(session: Session, officer: SignedInOfficer, *, at: datetime) -> bool:
    """Whether a traveller waits whom this officer could take, or the officer has one."""
    return queue.waits_for(session, officer, at=at)


def _state(row: SeededRow, at: datetime) -> ReferralState:
    if row.decided_at is not None:
        return "decided"
    if row.withdrawn_at is not None:
        return "ended"
    return "claimed" if _is_held(row, at) else "open"


def _must_be_open(row: SeededRow) -> None:
    if row.decided_at is not None:
        raise AlreadyDecidedError
    if row.withdrawn_at is not None:
        raise PassageClosedError


def _must_be_held(row: SeededRow, at: datetime) -> None:
    _must_be_open(row)
    if not _is_held(row, at):
        raise ClaimMissingError


def _is_held(row: SeededRow, at: datetime) -> bool:
    return row.claimed_until is not None and at < row.claimed_until <= at + queue.LONGEST_LEASE


def _drawn(session: Session, officer: str, real: int, seen: int) -> float:
    """A number from 0 to 1, the same until the officer decides again, which nobody can predict."""
    secret = session.scalar(select(LedgerRow.hash).order_by(LedgerRow.seq).limit(1)) or ""
    digest = hashlib.sha256(f"{secret} {officer} {real} {seen}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
