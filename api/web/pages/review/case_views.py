"""Referrals as the templates show them, in the officer's language."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.people.officers import SignedInOfficer
from api.review.cases.queue import Referral
from api.review.cases.steps import ReferralState, Stage
from api.web.messages import describe_cases
from api.web.messages.cases import ReferralDetail
from api.web.pages.review import case_steps
from api.web.pages.review.case_steps import BlindView, RevealView
from api.web.translations import code_texts
from api.web.translations.language import N_, Words
from lane.decision.referral import Answer

_ENDED: dict[str, str] = {
    "passed_through": N_("The passenger passed through the gate."),
    "handed_to_agency": N_("The passenger was handed to another agency."),
    "sent_to_second_line": N_("The passenger was sent to the second line."),
    "interrupted": N_("The passage was interrupted at the lane."),
    "gate_fault": N_("The gate had a fault. See to the passenger at the lane."),
}

_DECIDED: dict[Answer, str] = {
    Answer.ADMIT: N_("Admitted"),
    Answer.SECOND_LINE: N_("Sent to the second line"),
    Answer.REPEAT_CAPTURE: N_("Captured again"),
    Answer.OTHER_AGENCY: N_("Handed to another agency"),
}


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision in words."""

    decided: str
    ground: str
    officer: str
    at: datetime
    handed: bool
    """Whether the lane has it."""

    def clock(self, form: str) -> str:
        """The time of the day with its zone, for a browser that runs no script."""
        return self.at.strftime(f"{form} (UTC%z)")


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A row of the queue."""

    passage: str
    lane: str
    state: ReferralState
    mine: bool
    claimable: bool
    """Whether this officer may take it now."""
    needs: Stage | None
    """Who is asked next; only for an officer who has answered before."""
    unanswerable: bool
    """No one on site may answer it."""
    escalated: bool
    grave: bool
    opened_at: datetime | None
    waited: str
    reason: str
    more: int
    officer: str | None
    outcome: DecisionView | None
    ended: str | None


@dataclass(frozen=True, slots=True)
class CorrectionTime:
    """How long the own decision can still be corrected."""

    left_ms: int


@dataclass(frozen=True, slots=True)
class CasePage:
    """A case as this officer may see it now."""

    case: CaseRow
    review: BlindView
    reveal: RevealView | None
    undo: CorrectionTime | None


def case_page(
    referral: Referral, who: SignedInOfficer, words: Words, now: datetime, window: timedelta
) -> CasePage:
    """A referral as its own page. `window`: for how long a decision is kept back from the lane."""
    detail = describe_cases.detail(referral, who, words, now)
    return CasePage(
        case=case_row(referral, who, words, now),
        review=case_steps.blind_view(detail, words),
        reveal=case_steps.reveal_view(detail, words),
        undo=_correction_time(detail, now, window),
    )


def case_row(
    referral: Referral,
    who: SignedInOfficer,
    words: Words,
    now: datetime,
    nobodys: Collection[str] = (),
) -> CaseRow:
    """A referral as a row; of the own case that is not judged yet, its lane only."""
    summary = describe_cases.summary(referral, who, words, now, nobodys)
    reasons = summary.reasons
    brief = code_texts.brief_of(reasons[0].code if reasons else "", words)
    return CaseRow(
        passage=summary.passage,
        lane=summary.lane,
        state=summary.state,
        mine=summary.mine,
        claimable=summary.claimable,
        needs=summary.needs,
        unanswerable=summary.unanswerable,
        escalated=summary.escalated,
        grave=referral.grave and reasons is not None,
        opened_at=summary.opened_at,
        waited="" if summary.waiting_s is None else clock_text(summary.waiting_s),
        reason="" if reasons is None else brief,
        more=max(0, len(reasons or ()) - 1),
        officer=summary.claimed_by,
        outcome=_decision_view(referral, words),
        ended=_ended_text(referral, words),
    )


def clock_text(seconds: int) -> str:
    """Minutes and seconds, with hours where there are any: 0:42, 12:05, 1:00:00."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _correction_time(detail: ReferralDetail, now: datetime, window: timedelta) -> CorrectionTime | None:
    decision = detail.decision
    if decision is None or not detail.correctable or decision.answer is Answer.SECOND_LINE:
        return None
    left = decision.decided_at + window - now
    return CorrectionTime(int(left / timedelta(milliseconds=1))) if left > timedelta() else None


def _decision_view(referral: Referral, words: Words) -> DecisionView | None:
    decision = referral.decision
    if decision is None:
        return None
    return DecisionView(
        decided=words.say(_DECIDED[decision.answer]),
        ground=words.say(code_texts.GROUNDS[decision.ground]),
        officer=decision.officer,
        at=decision.decided_at.astimezone(),
        handed=referral.handed_at is not None,
    )


def ended_text(how: str, words: Words) -> str:
    """How a passage ended at the lane, in words."""
    return words.say(_ENDED.get(how, N_("The passage has ended at the lane.")))


def _ended_text(referral: Referral, words: Words) -> str | None:
    return None if referral.ended is None else ended_text(referral.ended, words)
