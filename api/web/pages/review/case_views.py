"""What the templates show, ready to be shown: words, times and states, no decisions."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.people.officers import SignedInOfficer
from api.review.cases.queue import Referral
from api.review.cases.steps import ReferralState, Stage
from api.web.messages import describe_cases
from api.web.messages.cases import ReferralDetail
from api.web.pages.review import case_steps
from api.web.pages.review.case_steps import Blind, Reveal
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
class Outcome:
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
class Case:
    """A row of the queue."""

    passage: str
    lane: str
    state: ReferralState
    mine: bool
    claimable: bool
    """Whether this officer may take it now."""
    needs: Stage | None
    """Who is asked next, for an officer who has answered before."""
    unanswerable: bool
    """No one on site may answer it."""
    escalated: bool
    grave: bool
    opened_at: datetime | None
    waited: str
    reason: str
    more: int
    officer: str | None
    outcome: Outcome | None
    ended: str | None


@dataclass(frozen=True, slots=True)
class Undo:
    """That the own decision can still be put right, and for how long."""

    left_ms: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A case as this officer may see it now."""

    case: Case
    review: Blind
    reveal: Reveal | None
    undo: Undo | None


def shown(referral: Referral, who: SignedInOfficer, words: Words, now: datetime, window: timedelta) -> Shown:
    """A referral as its own page. `window`: for how long a decision is kept back from the lane."""
    detail = describe_cases.detail(referral, who, words, now)
    return Shown(
        case=case(referral, who, words, now),
        review=case_steps.blind(detail, words),
        reveal=case_steps.reveal(detail, words),
        undo=_undo(detail, now, window),
    )


def case(
    referral: Referral,
    who: SignedInOfficer,
    words: Words,
    now: datetime,
    nobodys: Collection[str] = (),
) -> Case:
    """A referral as a row; of the own case that is not judged yet, no more than its lane."""
    told = describe_cases.summary(referral, who, words, now, nobodys)
    reasons = told.reasons
    brief = code_texts.brief_of(reasons[0].code if reasons else "", words)
    return Case(
        passage=told.passage,
        lane=told.lane,
        state=told.state,
        mine=told.mine,
        claimable=told.claimable,
        needs=told.needs,
        unanswerable=told.unanswerable,
        escalated=told.escalated,
        grave=referral.grave and reasons is not None,
        opened_at=told.opened_at,
        waited="" if told.waiting_s is None else clock_text(told.waiting_s),
        reason="" if reasons is None else brief,
        more=max(0, len(reasons or ()) - 1),
        officer=told.claimed_by,
        outcome=_outcome(referral, words),
        ended=_ended(referral, words),
    )


def clock_text(seconds: int) -> str:
    """Minutes and seconds, with hours where there are any: 0:42, 12:05, 1:00:00."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _undo(detail: ReferralDetail, now: datetime, window: timedelta) -> Undo | None:
    decision = detail.decision
    if decision is None or not detail.correctable or decision.answer is Answer.SECOND_LINE:
        return None
    left = decision.decided_at + window - now
    return Undo(int(left / timedelta(milliseconds=1))) if left > timedelta() else None


def _outcome(referral: Referral, words: Words) -> Outcome | None:
    decision = referral.decision
    if decision is None:
        return None
    return Outcome(
        decided=words.say(_DECIDED[decision.answer]),
        ground=words.say(code_texts.GROUNDS[decision.ground]),
        officer=decision.officer,
        at=decision.decided_at.astimezone(),
        handed=referral.handed_at is not None,
    )


def ended(how: str, words: Words) -> str:
    """How a passage ended at the lane, in words."""
    return words.say(_ENDED.get(how, N_("The passage has ended at the lane.")))


def _ended(referral: Referral, words: Words) -> str | None:
    return None if referral.ended is None else ended(referral.ended, words)
