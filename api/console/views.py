"""What the templates show, ready to be shown: words, times and states, no decisions."""

from dataclasses import dataclass
from datetime import datetime

from api import wire
from api.review import Step
from api.schemas import ImageMessage, ReasonMessage, ReasonTold, ReferralState, RevealedMessage
from api.store.officers import SignedInOfficer
from api.store.queue import Referral
from api.words import meanings, wording
from api.words.language import N_, Words
from lane.referral import GROUNDS, Answer, Ground

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

KEYS: dict[Answer, str] = {
    Answer.ADMIT: "A",
    Answer.SECOND_LINE: "L",
    Answer.REPEAT_CAPTURE: "R",
    Answer.OTHER_AGENCY: "G",
}

CONSEQUENCES: dict[Answer, str] = {
    Answer.ADMIT: N_("The gate will open."),
    Answer.SECOND_LINE: N_("The gate stays closed; an officer of the second line takes over."),
    Answer.REPEAT_CAPTURE: N_("The gate stays closed; the lane takes new pictures and asks again."),
    Answer.OTHER_AGENCY: N_("The gate stays closed; the agency takes over."),
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
    step: Step | None
    revealed: RevealedMessage | None
    """What the machine found, once the officer has judged."""
    why: tuple[Why, ...]
    remarks: tuple[Why, ...]
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    attack_assessed: bool
    worth: str | None
    """What the lane's comparison is worth, in words; None until the officer has judged."""
    document: ImageMessage | None
    live: tuple[ImageMessage, ...]
    options: tuple[Option, ...]


def case(referral: Referral, who: SignedInOfficer, words: Words, now: datetime) -> Case:
    """A referral as a row."""
    reasons = wire.reasons(referral, words)
    return Case(
        passage=referral.passage,
        lane=referral.lane,
        state=referral.state,
        mine=referral.claimed_by == who.pseudonym,
        grave=referral.grave,
        opened_at=referral.opened_at,
        waited=clock_text(wire.waiting_s(referral, now)),
        reason=wording.brief(_told(reasons[0]), words) if reasons else words.say(meanings.UNKNOWN.brief),
        more=max(0, len(reasons) - 1),
        officer=referral.claimed_by,
        outcome=_outcome(referral, words),
        ended=_ended(referral, words),
    )


def review(referral: Referral, who: SignedInOfficer, words: Words, now: datetime) -> Review:
    """A referral as its own page: what `wire.detail` tells this officer, and no more."""
    shown = wire.detail(referral, who, words, now)
    told = shown.revealed
    return Review(
        case=case(referral, who, words, now),
        step=shown.step,
        revealed=told,
        why=tuple(_why(reason, words) for reason in (told.reasons if told else ())),
        remarks=tuple(_why(one, words) for one in (told.remarks if told else ()) if one.code != "A02"),
        checked=tuple(told.checked if told else ()),
        not_checked=tuple(told.not_checked if told else ()),
        attack_assessed=told is not None and told.attack.assessed,
        worth=told.band.text if told else None,
        document=next((image for image in shown.images if image.role == "document"), None),
        live=tuple(image for image in shown.images if image.role == "live"),
        options=tuple(option(answer, words) for answer in Answer),
    )


def option(answer: Answer, words: Words) -> Option:
    """An answer with its grounds, keyed in their order."""
    return Option(
        answer=answer,
        text=words.say(wording.ANSWERS[answer]),
        key=KEYS[answer],
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


def _why(reason: ReasonMessage, words: Words) -> Why:
    return Why(reason.code, wording.brief(_told(reason), words), reason.text)


def _told(reason: ReasonMessage) -> ReasonTold:
    return ReasonTold(code=reason.code, components=reason.components)


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
