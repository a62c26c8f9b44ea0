"""Makes the messages about cases for officers: no more than their step shows.

Every case that is sent, as JSON or as a page, goes through `summary` or `detail`.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from api.ledger.facts import ReasonFact
from api.people.officers import SignedInOfficer
from api.review.cases import queue, steps
from api.review.cases.answers import AnswerResult
from api.review.cases.queue import Referral
from api.review.cases.steps import Item, Stage
from api.review.officer_accuracy import PreparedDecision
from api.web.messages.cases import (
    AchievedFmr,
    AnswerRule,
    AttackMessage,
    BadgeMessage,
    CheckMessage,
    ClaimMessage,
    ClaimOrNone,
    DecisionAnswer,
    DecisionMessage,
    FeedbackMessage,
    ImageMessage,
    OwnVerdict,
    ReasonMessage,
    ReferralDetail,
    ReferralSummary,
    RevealedMessage,
)
from api.web.translations import code_texts
from api.web.translations.language import Words
from lane.decision.reason_codes import Code
from lane.decision.referral import GROUNDS, Answer


def summary(
    referral: Referral,
    who: SignedInOfficer,
    words: Words,
    now: datetime,
    nobodys: Collection[str] = (),
) -> ReferralSummary:
    """A referral as a list shows it. `nobodys`: passages that no one on site may answer."""
    fields = _summary(referral, who, words, now)
    # An officer who may take it must not learn from this that others were asked before.
    fields["unanswerable"] = referral.passage in nobodys and who.supervises and not fields["claimable"]
    return ReferralSummary(**fields)


def detail(referral: Referral, who: SignedInOfficer, words: Words, now: datetime) -> ReferralDetail:
    """A referral as this officer may see it now."""
    step = referral.step_of(who.pseudonym)
    items = steps.SHOWS[step]
    return ReferralDetail(
        **_summary(referral, who, words, now),
        step=step,
        images=_images(referral) if Item.IMAGES in items else [],
        badges=_badges(referral, words) if Item.BADGES in items else [],
        revealed=_revealed(referral, words) if Item.FINDINGS in items else None,
    )


def feedback(known: PreparedDecision, words: Words) -> FeedbackMessage:
    text = words.say(code_texts.FEEDBACK[known.truth, known.outcome])
    return FeedbackMessage(truth=known.truth, outcome=known.outcome, text=text)


def claimed(found: tuple[str, datetime] | None, lease_s: int) -> ClaimOrNone:
    """The case that was taken, and until when it is the officer's; null where there was none."""
    if found is None:
        return ClaimOrNone(claim=None)
    passage, until = found
    return ClaimOrNone(claim=ClaimMessage(passage=passage, claimed_until=until, lease_s=lease_s))


def decision_answer(answer: AnswerResult, feedback: FeedbackMessage | None = None) -> DecisionAnswer:
    if answer.decision is not None:
        decided = DecisionMessage.model_validate(answer.decision)
        return DecisionAnswer(state="decided", decision=decided, feedback=feedback)
    state = "second_officer" if answer.next is Stage.SECOND else "third_officer"
    return DecisionAnswer.model_validate({"state": state, "decision": None})


def _revealed(referral: Referral, words: Words) -> RevealedMessage:
    judged = referral.judged
    codes = referral.judged.codes
    found = steps.match(judged)
    alarm = Code.ATTACK_ALARM in codes
    again = steps.may_repeat(codes, referral.round - 1, refused=referral.repeat_refused)
    hint = code_texts.hint(judged.evidence)
    band = AchievedFmr(value=code_texts.share(judged.evidence), text=code_texts.worth(judged.evidence, words))
    return RevealedMessage(
        match=found,
        band=band,
        confident=steps.confident(codes),
        reasons=_reasons(judged.reasons, words, revealed=True),
        remarks=_reasons(judged.remarks, words, revealed=True),
        gate=_reasons([ReasonFact(code=code) for code in referral.gate], words, revealed=True),
        checked=code_texts.checked(judged, words),
        not_checked=code_texts.not_checked(judged, words),
        document=[CheckMessage.model_validate(check) for check in code_texts.document(judged, words)],
        attack=AttackMessage(
            assessed=judged.evidence.liveness.value is not None,
            alarm=alarm,
            images=[image.sha256 for image in _images(referral) if alarm and image.role == "live"],
            hint=hint,
            hint_text=code_texts.hinted(hint, words),
        ),
        advice=words.say(code_texts.ADVICE[found]),
        own=_own(referral, words),
        next_steps=code_texts.next_steps(judged.evidence.capture.ended, codes, words, again=again),
        repeat_refused=referral.repeat_refused,
        answers=_answers(referral, again=again),
    )


def _images(referral: Referral) -> list[ImageMessage]:
    """The images of a case and where to fetch them; each one once."""
    found = {image.sha256: image for image in reversed(referral.judged.images)}
    return [
        ImageMessage(
            href=f"/api/v1/referrals/{referral.passage}/images/{image.sha256}",
            **image.model_dump(exclude={"captured_at"}),
        )
        for image in reversed(found.values())
    ]


def _badges(referral: Referral, words: Words) -> list[BadgeMessage]:
    """The quality of the live pictures, by component."""
    judged = referral.judged
    low = set(code_texts.faulted(judged))
    return [
        BadgeMessage.model_validate(
            {
                "component": name,
                "text": code_texts.component(name, words),
                "state": "not_measured" if measure.value is None else "low" if name in low else "good",
            }
        )
        for name, measure in judged.evidence.quality.items()
    ]


def _summary(referral: Referral, who: SignedInOfficer, words: Words, now: datetime) -> dict[str, Any]:
    items = steps.SHOWS[referral.step_of(who.pseudonym)]
    decision = referral.decision
    mine = decision is not None and decision.officer == who.pseudonym
    reasons = _reasons(referral.judged.reasons, words, revealed=False)
    waited = (decision.decided_at if decision else now) - referral.opened_at
    return {
        "passage": referral.passage,
        "lane": referral.lane,
        "state": referral.state,
        "opened_at": referral.opened_at if Item.WAITING in items else None,
        "waiting_s": max(0, int(waited.total_seconds())) if Item.WAITING in items else None,
        "reasons": reasons if Item.REASONS in items else None,
        "escalated": referral.escalated and Item.WAITING in items,
        "claimed_by": referral.claimed_by,
        "claimed_until": referral.claimed_until,
        "mine": referral.claimed_by == who.pseudonym,
        "claimable": referral.state == "open" and queue.may_take(referral, who),
        "needs": referral.stage if decision is None and who.pseudonym in referral.proposed_by else None,
        "unanswerable": False,
        "decision": DecisionMessage.model_validate(decision) if decision else None,
        "correctable": mine and referral.handed_at is None and referral.ended is None,
        "grave": referral.grave and Item.REASONS in items,
        "handed": referral.handed_at is not None,
        "ended": referral.ended,
    }


def _own(referral: Referral, words: Words) -> OwnVerdict:
    said = referral.opinion
    if said is not None:
        return OwnVerdict(verdict=said.verdict, confidence=said.confidence, text="")
    return OwnVerdict(
        verdict=None, confidence=None, text=code_texts.nothing_to_compare(referral.judged, words)
    )


def _answers(referral: Referral, *, again: bool) -> list[AnswerRule]:
    codes = referral.judged.codes
    verdict = referral.opinion.verdict if referral.opinion else None
    return [
        AnswerRule(
            answer=answer,
            ground=ground,
            note=steps.needs_note(codes, verdict, answer, ground),
            second_officer=steps.reverses(codes, answer),
        )
        for answer, grounds in GROUNDS.items()
        for ground in grounds
        if again or answer is not Answer.REPEAT_CAPTURE
    ]


def _reasons(facts: Iterable[ReasonFact], words: Words, *, revealed: bool) -> list[ReasonMessage]:
    if not revealed:
        # Both come last: their place among the others would distinguish them.
        facts = sorted(facts, key=_of_the_comparison)
    return [
        ReasonMessage(
            code=code_texts.NEUTRAL if _of_the_comparison(reason) and not revealed else reason.code,
            components=list(reason.components),
            text=code_texts.full(reason, words),
            agency=code_texts.acting(reason, words),
        )
        for reason in facts
    ]


def _of_the_comparison(reason: ReasonFact) -> bool:
    return reason.code in code_texts.KEPT_BACK
