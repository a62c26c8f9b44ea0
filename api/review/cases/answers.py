"""The review of a case in the database: judge blind, decide, correct, hand to the lane, reopen.

Each is one conditional change with its ledger entry, by the tables of `api.review.cases.steps`.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from api.ledger import chain, search
from api.ledger.facts import JudgedFact
from api.platform.database.tables import OpinionRow, ReferralRow, RoundRow
from api.platform.errors import (
    AlreadyHandedError,
    AlreadyJudgedError,
    ClaimMissingError,
    GroundRefusedError,
    NotDecidedError,
    NoteMissingError,
    NotRevealedError,
    NotShownError,
    NotYourDecisionError,
    PassageClosedError,
    RepeatRefusedError,
    SecondOfficerNeededError,
)
from api.review.cases import decisions, queue, steps
from api.review.cases.queue import Referral
from api.review.cases.steps import Stage, Step, Verdict
from lane.decision.referral import GROUNDS, Answer, Decision, Ground, PassageId

_CLOCKS_APART = timedelta(seconds=5)
"""So far the clocks of two workers may be apart."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """An officer's blind judgement of two faces, and what it rests on."""

    verdict: Verdict
    confidence: int
    features: Mapping[str, str]
    viewed: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class OfficerAnswer:
    answer: Answer
    ground: Ground
    note: str = ""


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """The decision, or who is asked next. `new`: it was not there before."""

    decision: Decision | None
    next: Stage | None
    new: bool


@dataclass(frozen=True, slots=True)
class LaneDecision:
    """The decision for a lane, or in how many seconds there may be one; `new`: it is handed now."""

    decision: Decision | None
    due_in_s: float | None = None
    new: bool = False


def judge(session: Session, passage: str, officer: str, given: Judgement, *, at: datetime) -> bool:
    """Keep a blind judgement and reveal the case; False where exactly this is there already.

    Raises NotShownError, AlreadyJudgedError, ClaimMissingError, AlreadyDecidedError, PassageClosedError or
    ReferralUnknownError.
    """
    mine = (queue.is_waiting(), queue.claimed_by(officer, at))
    blind = (ReferralRow.step == Step.BLIND.value, ReferralRow.shown.is_(True))
    if not queue.change(session, passage, *mine, *blind, step=Step.REVEALED.value, shown=False):
        _same_judgement(session, passage, officer, given, at=at)
        return False
    row = queue.row_of(session, passage)
    details = {
        "features": dict(given.features),
        "viewed": [dict(view) for view in given.viewed],
        "seen_before": _seen_before(session, row, officer),
    }
    about = _opinion_columns(row, "judged", officer, at)
    session.add(
        OpinionRow(
            **about,
            verdict=given.verdict.value,
            confidence=given.confidence,
            details=json.dumps(details, sort_keys=True),
        )
    )
    said = {"verdict": given.verdict.value, "confidence": given.confidence, **details}
    who = {"passage": passage, "officer": officer, "claim": row.claims}
    chain.append(session, "referral.judged_blind", who | said | {"judgement": about["id"]}, at=at)
    match = steps.match(JudgedFact.model_validate_json(row.judged))
    chain.append(session, "referral.revealed", who | {"match": match.value}, at=at)
    return True


def decide(
    session: Session, passage: str, officer: str, wanted: OfficerAnswer, *, at: datetime
) -> AnswerResult:
    """Answer for a case that the officer has and whose findings were revealed.

    The same officer with the same answer, ground and note gets the same again. Raises GroundRefusedError,
    NoteMissingError, RepeatRefusedError, NotRevealedError, ClaimMissingError, AlreadyDecidedError,
    PassageClosedError or ReferralUnknownError.
    """
    if wanted.ground not in GROUNDS[wanted.answer]:
        raise GroundRefusedError
    referral = queue.one(session, passage, at=at)
    if referral.state != "claimed" or referral.claimed_by != officer:
        return _same_again(session, referral, officer, wanted)
    if referral.step is not Step.REVEALED or not referral.shown:
        raise NotRevealedError
    _check(session, referral, wanted)
    first = _proposal(session, referral, OpinionRow.stage == Stage.FIRST.value)
    first_answer = Answer(str(first.answer)) if first else None
    stage = steps.next_stage(referral.stage, referral.judged.codes, wanted.answer, first_answer)
    given = Decision(str(uuid4()), PassageId(passage), wanted.answer, wanted.ground, officer, at)
    if stage is None:
        _settle(session, given, wanted.note)
        return AnswerResult(given, None, new=True)
    _propose(session, given, wanted.note, stage)
    return AnswerResult(None, stage, new=True)


def correct(
    session: Session, passage: str, officer: str, wanted: OfficerAnswer, *, at: datetime
) -> AnswerResult:
    """Put another decision in place of the own one, as long as the lane does not have it.

    Raises GroundRefusedError, NoteMissingError, RepeatRefusedError, SecondOfficerNeededError,
    NotDecidedError, NotYourDecisionError, AlreadyHandedError, PassageClosedError or ReferralUnknownError.
    """
    if wanted.ground not in GROUNDS[wanted.answer]:
        raise GroundRefusedError
    referral = queue.one(session, passage, at=at)
    before = decisions.of_passage(session, passage)
    if before is None:
        raise PassageClosedError if referral.ended is not None else NotDecidedError
    if before.officer != officer:
        raise NotYourDecisionError
    if referral.handed_at is not None:
        raise AlreadyHandedError
    if referral.ended is not None:
        raise PassageClosedError
    if _says(before, wanted) and queue.row_of(session, passage).note == wanted.note:
        return AnswerResult(before, None, new=False)
    _check(session, referral, wanted)
    if before.answer is not Answer.ADMIT and steps.reverses(referral.judged.codes, wanted.answer):
        raise SecondOfficerNeededError
    decision = Decision(str(uuid4()), PassageId(passage), wanted.answer, wanted.ground, officer, at)
    unchanged = (ReferralRow.decision == before.id, ReferralRow.handed_at.is_(None))
    if not queue.change(session, passage, *unchanged, **_columns(decision, wanted.note)):
        raise AlreadyHandedError
    _keep(session, queue.row_of(session, passage), "corrected", decision, wanted.note)
    body = {
        "passage": passage,
        "decision": decisions.as_body(decision),
        "corrects": before.id,
        "note_sha256": decisions.note_hash(wanted.note),
    }
    chain.append(session, "referral.corrected", body, at=at)
    return AnswerResult(decision, None, new=True)


def decision_for_lane(session: Session, passage: str, *, at: datetime, window: timedelta) -> LaneDecision:
    """The decision if the lane has it already; else when `hand` can hand it over."""
    decision = decisions.of_passage(session, passage)
    if decision is None:
        return LaneDecision(None)
    if queue.row_of(session, passage).handed_at is not None:
        return LaneDecision(decision)
    if decision.decided_at - at > _CLOCKS_APART:
        return LaneDecision(None, 0.0)  # the clock was set back: nobody waits until it is where it was
    return LaneDecision(None, max(0.0, (decision.decided_at + window - at).total_seconds()))


def hand(session: Session, passage: str, *, at: datetime, window: timedelta) -> LaneDecision:
    """Hand the decision to the lane once its time for corrections is over: from then on it stays."""
    found = decision_for_lane(session, passage, at=at, window=window)
    if found.due_in_s != 0:
        return found
    decision = decisions.of_passage(session, passage)
    if decision is None:
        return LaneDecision(None)
    same = (ReferralRow.decision == decision.id, ReferralRow.handed_at.is_(None))
    if not queue.change(session, passage, *same, handed_at=at):
        return LaneDecision(None)
    chain.append(session, "referral.handed", {"passage": passage, "decision": decision.id}, at=at)
    return LaneDecision(decision, new=True)


def may_reopen(row: ReferralRow) -> bool:
    """Whether the lane has an officer's decision to capture again."""
    handed = row.decision is not None and row.handed_at is not None
    return handed and row.answer == Answer.REPEAT_CAPTURE and row.ended is None


def reopen(session: Session, row: ReferralRow, judged: JudgedFact, gravity: int, *, at: datetime) -> None:
    """Open a new round of a case, which is judged blind from the beginning."""
    session.add(RoundRow(passage=row.passage, number=row.round, judged=row.judged, decision=row.decision))
    row.round += 1
    row.judged, row.gravity = judged.model_dump_json(), gravity
    row.stage, row.step, row.shown = Stage.FIRST.value, Step.BLIND.value, False
    row.claimed_by = row.claimed_until = row.escalated_at = row.handed_at = None
    row.decision = row.answer = row.ground = row.note = row.decided_by = row.decided_at = None
    session.flush()
    body = {"passage": row.passage, "round": row.round}
    chain.append(session, decisions.REOPENED, body, at=at)


def _same_judgement(session: Session, passage: str, officer: str, given: Judgement, *, at: datetime) -> None:
    """Raise what is wrong, unless this judgement is there already."""
    referral = queue.one(session, passage, at=at)
    if referral.state != "claimed" or referral.claimed_by != officer:
        raise queue.why_not(session, passage, otherwise=ClaimMissingError())
    if referral.step is Step.BLIND:
        raise NotShownError
    opinion = referral.opinion
    if opinion is None or (opinion.verdict, opinion.confidence) != (given.verdict, given.confidence):
        raise AlreadyJudgedError


def _seen_before(session: Session, row: ReferralRow, officer: str) -> bool:
    """Whether this round was revealed to the officer under an earlier claim."""
    earlier = select(OpinionRow.id).where(
        OpinionRow.passage == row.passage,
        OpinionRow.round == row.round,
        OpinionRow.kind == "judged",
        OpinionRow.officer == officer,
    )
    return session.scalar(earlier.limit(1)) is not None


def _check(session: Session, referral: Referral, wanted: OfficerAnswer) -> None:
    again = wanted.answer is Answer.REPEAT_CAPTURE
    refused = again and search.repeat_refused(session, referral.passage)
    verdict = referral.opinion.verdict if referral.opinion else None
    check_rules(wanted, referral.judged.codes, verdict, repeats=referral.round - 1, refused=refused)


def check_rules(
    wanted: OfficerAnswer, codes: Collection[str], verdict: Verdict | None, *, repeats: int, refused: bool
) -> None:
    """Raise RepeatRefusedError or NoteMissingError for an answer that may not be given like this."""
    if wanted.answer is Answer.REPEAT_CAPTURE and not steps.may_repeat(codes, repeats, refused=refused):
        raise RepeatRefusedError
    if steps.needs_note(codes, verdict, wanted.answer, wanted.ground) and not wanted.note.strip():
        raise NoteMissingError


def _settle(session: Session, given: Decision, note: str) -> None:
    _change_own(session, given, **_columns(given, note))
    if decisions.recorded(session, given.passage) is not None:
        raise decisions.contradiction(given.passage)
    row = queue.row_of(session, given.passage)
    _keep(session, row, "decided", given, note)
    body = _entry_body(row, given, note) | {"decision": decisions.as_body(given)}
    chain.append(session, "referral.decided", body, at=given.decided_at)


def _propose(session: Session, given: Decision, note: str, stage: Stage) -> None:
    """Keep an answer that another officer must confirm; the case goes back without it."""
    row = queue.row_of(session, given.passage)
    body = _entry_body(row, given, note) | {"proposal": decisions.as_body(given), "next": stage.value}
    _keep(session, row, "proposed", given, note)
    back = {"claimed_by": None, "claimed_until": None, "shown": False, "step": Step.BLIND.value}
    _change_own(session, given, stage=stage.value, **back)
    chain.append(session, "referral.proposed", body, at=given.decided_at)


def _change_own(session: Session, given: Decision, **columns: Any) -> None:
    """Change the case of the officer who answers. Raises why it is not that officer's to answer."""
    mine = queue.claimed_by(given.officer, given.decided_at)
    revealed = ReferralRow.step == Step.REVEALED.value
    if not queue.change(session, given.passage, queue.is_waiting(), mine, revealed, **columns):
        raise queue.why_not(session, given.passage, otherwise=ClaimMissingError())


def _entry_body(row: ReferralRow, given: Decision, note: str) -> dict[str, Any]:
    """What the entries of a decision and of a proposal have in common."""
    if row.claimed_until is None:
        raise ClaimMissingError
    return {
        "passage": given.passage,
        "stage": row.stage,
        "claim": row.claims,
        "note_sha256": decisions.note_hash(note),
        "claimed_until": row.claimed_until.isoformat(),
    }


def _same_again(session: Session, referral: Referral, officer: str, wanted: OfficerAnswer) -> AnswerResult:
    """The same result again for the same answer; else raise why it is refused."""
    known = decisions.of_passage(session, referral.passage)
    note = queue.row_of(session, referral.passage).note
    if known and known.officer == officer and _says(known, wanted) and note == wanted.note:
        return AnswerResult(known, None, new=False)
    proposed = _proposal(session, referral, OpinionRow.officer == officer)
    asked = (wanted.answer.value, wanted.ground.value, wanted.note)
    if known is None and proposed and (proposed.answer, proposed.ground, proposed.note) == asked:
        return AnswerResult(None, referral.stage, new=False)
    raise queue.why_not(session, referral.passage, otherwise=ClaimMissingError())


def _says(decision: Decision, wanted: OfficerAnswer) -> bool:
    return (decision.answer, decision.ground) == (wanted.answer, wanted.ground)


def _proposal(session: Session, referral: Referral, which: ColumnElement[bool]) -> OpinionRow | None:
    query = select(OpinionRow).where(
        OpinionRow.passage == referral.passage,
        OpinionRow.round == referral.round,
        OpinionRow.kind == "proposed",
        which,
    )
    return session.scalars(query.limit(1)).one_or_none()


def _columns(decision: Decision, note: str) -> dict[str, Any]:
    return {
        "decision": decision.id,
        "answer": decision.answer.value,
        "ground": decision.ground.value,
        "note": note,
        "decided_by": decision.officer,
        "decided_at": decision.decided_at,
    }


def _keep(session: Session, row: ReferralRow, kind: str, given: Decision, note: str) -> None:
    about = _opinion_columns(row, kind, given.officer, given.decided_at) | {"id": given.id}
    session.add(OpinionRow(**about, answer=given.answer.value, ground=given.ground.value, note=note))
    session.flush()


def _opinion_columns(row: ReferralRow, kind: str, officer: str, at: datetime) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "kind": kind,
        "passage": row.passage,
        "round": row.round,
        "stage": row.stage,
        "claim": row.claims,
        "officer": officer,
        "at": at,
    }
