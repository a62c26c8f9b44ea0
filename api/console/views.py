"""What the templates show, ready to be shown: words, times and states, no decisions."""

from dataclasses import dataclass
from datetime import datetime

from api import wire
from api.schemas import ImageMessage, ReasonTold, ReferralState
from api.store.officers import SignedInOfficer
from api.store.queue import Referral
from api.words import wording
from api.words.language import N_, Words
from lane.referral import GROUNDS, Answer, Ground

_ENDED: dict[str, str] = {
    "passed_through": N_("The passenger passed through the gate."),
    "sent_to_second_line": N_("The passenger was sent to the second line."),
    "interrupted": N_("The passage was interrupted at the lane."),
    "gate_fault": N_("The gate had a fault. See to the passenger at the lane."),
}

_DECIDED: dict[Answer, str] = {
    Answer.ADMIT: N_("Admitted"),
    Answer.SECOND_LINE: N_("Sent to the second line"),
}

CONSEQUENCES: dict[Answer, str] = {
    Answer.ADMIT: N_("The gate will open."),
    Answer.SECOND_LINE: N_("The gate stays closed; an officer of the second line takes over."),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision in words."""

    decided: str
    ground: str
    officer: str
    at: datetime

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
    grave: bool
    opened_at: datetime
    waited: str
    reason: str
    more: int
    officer: str | None
    outcome: Outcome | None
    ended: str | None


@dataclass(frozen=True, slots=True)
class Why:
    """A reason of the case, in words."""

    code: str
    brief: str
    full: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A ground on the page: its value, its words, its key."""

    value: str
    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Option:
    """An answer on the page, with its grounds."""

    answer: Answer
    text: str
    key: str
    consequence: str
    grounds: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """Everything on the page of a case."""

    case: Case
    why: tuple[Why, ...]
    remarks: tuple[Why, ...]
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    attack_assessed: bool
    worth: str | None
    """What the lane's comparison is worth, in words; None until the case is decided."""
    document: ImageMessage | None
    live: tuple[ImageMessage, ...]
    options: tuple[Option, ...]


def case(referral: Referral, who: SignedInOfficer, words: Words, now: datetime) -> Case:
    """A referral as a row."""
    reasons = referral.judged.reasons
    return Case(
        passage=referral.passage,
        lane=referral.lane,
        state=referral.state,
        mine=referral.claimed_by == who.pseudonym,
        grave=referral.grave,
        opened_at=referral.opened_at,
        waited=clock_text(wire.waiting_s(referral, now)),
        reason=wording.brief(reasons[0], words) if reasons else words.say(wording.UNKNOWN.brief),
        more=max(0, len(reasons) - 1),
        officer=referral.claimed_by,
        outcome=_outcome(referral, words),
        ended=_ended(referral, words),
    )


def review(referral: Referral, who: SignedInOfficer, words: Words, now: datetime) -> Review:
    """A referral as its own page."""
    judged = referral.judged
    images = wire.images(referral)
    achieved = wire.achieved_fmr(referral, words)
    return Review(
        case=case(referral, who, words, now),
        why=tuple(_why(reason, words) for reason in judged.reasons),
        remarks=tuple(_why(remark, words) for remark in judged.remarks if remark.code != "A02"),
        checked=tuple(wording.checked(judged, words)),
        not_checked=tuple(wording.not_checked(judged, words)),
        attack_assessed=judged.evidence.liveness.value is not None,
        worth=achieved.text if achieved else None,
        document=next((image for image in images if image.role == "document"), None),
        live=tuple(image for image in images if image.role == "live"),
        options=tuple(option(answer, words) for answer in Answer),
    )


def option(answer: Answer, words: Words) -> Option:
    """An answer with its grounds, keyed in their order."""
    return Option(
        answer=answer,
        text=words.say(wording.ANSWERS[answer]),
        key={Answer.ADMIT: "A", Answer.SECOND_LINE: "L"}[answer],
        consequence=words.say(CONSEQUENCES[answer]),
        grounds=tuple(
            Choice(f"{answer}.{ground}", words.say(wording.GROUNDS[ground]), str(number))
            for number, ground in enumerate(GROUNDS[answer], start=1)
        ),
    )


def chosen(value: str) -> tuple[Answer, Ground]:
    """Answer and ground of a choice on the page. Raises ValueError for any other text."""
    answer, _, ground = value.partition(".")
    return Answer(answer), Ground(ground)


def clock_text(seconds: int) -> str:
    """Minutes and seconds, with hours where there are any: 0:42, 12:05, 1:00:00."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _why(reason: ReasonTold, words: Words) -> Why:
    code = "" if reason.code in wording.KEPT_BACK else reason.code
    return Why(code, wording.brief(reason, words), wording.full(reason, words))


def _outcome(referral: Referral, words: Words) -> Outcome | None:
    decision = referral.decision
    if decision is None:
        return None
    return Outcome(
        decided=words.say(_DECIDED[decision.answer]),
        ground=words.say(wording.GROUNDS[decision.ground]),
        officer=decision.officer,
        at=decision.decided_at.astimezone(),
    )


def _ended(referral: Referral, words: Words) -> str | None:
    if referral.ended is None:
        return None
    return words.say(_ENDED.get(referral.ended, N_("The passage has ended at the lane.")))
