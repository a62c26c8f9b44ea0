"""The messages about cases, shifts and sessions, and those that a lane delivers."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.ledger.facts import StoredEntry
from api.platform.messages import ChainHead, Point, Sha256, StrictMessage
from api.review.cases.steps import Match, ReferralState, Stage, Step, Verdict
from api.review.officer_accuracy import Outcome, Truth
from api.web.messages.people import RoleName
from lane.decision.referral import Answer, Ground


class Health(StrictMessage):
    """The desk answers."""

    status: Literal["ok"] = "ok"


# --- lanes


class EntryBatch(StrictMessage):
    """Entries of one lane's chain, in order."""

    entries: list[StoredEntry] = Field(min_length=1, max_length=100)
    recovered_through: int | None = Field(
        default=None,
        ge=1,
        le=2**53,
        description="Entries up to this one were with a desk that is lost, and are told again to one that "
        "was restored from a backup: as evidence, which asks nobody anything.",
    )


class Applied(StrictMessage):
    """How far the desk has the lane's chain, and the head of the desk's own."""

    applied_through: int
    head: ChainHead


class DecisionMessage(StrictMessage):
    """One officer's answer to one referral."""

    id: str
    passage: str
    answer: Answer
    ground: Ground
    officer: str = Field(description="The officer's pseudonym, never a name.")
    decided_at: datetime


class DecisionOrNone(StrictMessage):
    """The decision, or null while there is none."""

    decision: DecisionMessage | None


# --- officers


class Credentials(StrictMessage):
    """What an officer signs in with."""

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class Officer(StrictMessage):
    """Who is signed in."""

    name: str
    pseudonym: str
    role: RoleName
    duties: list[str] = Field(description="For which cases this officer may be asked beside all others.")


class SignedIn(StrictMessage):
    """The session; send the token as X-CSRF-Token with everything that changes something."""

    officer: Officer
    csrf_token: str


class ReasonMessage(StrictMessage):
    """Why a passenger was referred: the field's code, its components, and the officer's text."""

    code: str = Field(
        description="`compare` stands for both reasons that tell of the comparison, until the findings are "
        "revealed."
    )
    components: list[str]
    text: str
    agency: str = Field(description="Who acts on it, in words.")


class ImageMessage(StrictMessage):
    """One image of a referral and where to fetch it."""

    role: str
    sha256: Sha256
    sequence: int | None
    eyes: tuple[Point, Point] | None
    href: str


class BadgeMessage(StrictMessage):
    """The quality of the live pictures in one respect, in words."""

    component: str
    text: str
    state: Literal["good", "low", "not_measured"]


class ReferralSummary(StrictMessage):
    """A referral as the queue shows it. State `ended`: the passage closed before an officer decided.

    Of the own case that is not judged yet, reasons and waiting time are left out.
    """

    passage: str
    lane: str
    state: ReferralState
    opened_at: datetime | None
    waiting_s: int | None
    reasons: list[ReasonMessage] | None
    escalated: bool
    claimed_by: str | None
    claimed_until: datetime | None
    mine: bool
    claimable: bool = Field(description="Whether the officer who asks may take it now.")
    needs: Stage | None = Field(
        description="Who is asked next, told only to an officer who has answered already: whoever is asked "
        "next must not know that somebody was asked before."
    )
    unanswerable: bool = Field(
        description="No one on a shift may take it. Told in lists, to supervisors who may not take it either."
    )
    decision: DecisionMessage | None
    correctable: bool = Field(description="Whether the officer who asks can still correct the decision.")
    # For the pages alone: JSON does not hold them.
    grave: SkipJsonSchema[bool] = Field(exclude=True)
    handed: SkipJsonSchema[bool] = Field(exclude=True)
    """Whether the lane has the decision."""
    ended: SkipJsonSchema[str | None] = Field(exclude=True)
    """How the passage ended at the lane."""


class ReferralList(StrictMessage):
    """Who waits: escalated, then the gravest, then the oldest; then who was decided on, the last first."""

    referrals: list[ReferralSummary] = Field(description="At most 200.")
    waiting: int = Field(description="How many wait in all, listed or not.")


class AchievedFmr(StrictMessage):
    """What the lane's comparison is worth, by the calibration of the lane's matcher."""

    value: float | None = Field(
        gt=0,
        le=1,
        description="The achieved FMR: of the impostor comparisons in the worst group, the share that score "
        "as high as this comparison or higher, as a fraction. It is no probability of being the same person. "
        "Null where nothing was compared, or the lane did not tell.",
    )
    text: str = Field(description="The same in words: show these, never a percentage.")


class CheckMessage(StrictMessage):
    """One check of the document."""

    check: str
    result: Literal["successful", "failed", "undetermined", "not_supported", "aborted"]
    text: str


class AttackMessage(StrictMessage):
    """The result of presentation attack detection. Without one, that must be shown."""

    assessed: bool
    alarm: bool
    images: list[Sha256] = Field(description="Those that raised the alarm.")
    hint: Literal["none", "usual", "unusual"] = Field(
        description="What cues of movement and surface say. It decides nothing; `usual` rules nothing out."
    )
    hint_text: str = Field(description="The same in words; empty where there is no hint.")


class OwnVerdict(StrictMessage):
    """The officer's blind judgement; null where there was nothing to compare."""

    verdict: Verdict | None
    confidence: int | None
    text: str = Field(description="Why there was nothing to compare; else empty.")


class AnswerRule(StrictMessage):
    """What an answer on this ground needs."""

    answer: Answer
    ground: Ground
    note: bool = Field(description="A note must say why.")
    second_officer: bool = Field(description="Another officer must come to the same answer.")


class RevealedMessage(StrictMessage):
    """The machine's findings, revealed once the officer has judged."""

    match: Match
    band: AchievedFmr
    confident: bool = Field(description="Admitting would reverse a confident result of the machine.")
    reasons: list[ReasonMessage]
    remarks: list[ReasonMessage]
    gate: list[ReasonMessage] = Field(
        description="What the gate's sensors saw since the lane asked: L01 to L06, the first first."
    )
    checked: list[str] = Field(description="What was checked and what came of it, in words.")
    not_checked: list[str] = Field(description="What was not checked, and why, in words.")
    document: list[CheckMessage]
    attack: AttackMessage
    advice: str = Field(description="Advice, and shown as such: the officer decides.")
    own: OwnVerdict
    next_steps: list[str] = Field(
        description="Where no picture was taken: what the officer does next, first to last. Else empty."
    )
    repeat_refused: bool = Field(
        description="An officer asked to capture again, and the lane does so no more: not among `answers`."
    )
    answers: list[AnswerRule] = Field(description="What can be answered, in the order of the page.")


class ReferralDetail(ReferralSummary):
    """A referral as the one who asks may see it: no similarity, no score."""

    step: Step | None = Field(description="Of the officer who has the case, or decided it; else null.")
    images: list[ImageMessage]
    badges: list[BadgeMessage]
    revealed: RevealedMessage | None = Field(
        description="Null until the officer who has the case has judged the faces: what the machine found "
        "must not lead the eye."
    )


class ClaimMessage(StrictMessage):
    """The case is the officer's until then; claim again to renew."""

    passage: str
    claimed_until: datetime
    lease_s: int


class ClaimOrNone(StrictMessage):
    """The claim, or null where nobody waits whom this officer may take."""

    claim: ClaimMessage | None


Feature = Literal["ears", "marks", "scars", "nose", "mouth", "brows"]


class ViewedMessage(StrictMessage):
    """Something that the officer looked at, and when: milliseconds after the case was opened."""

    what: Literal["document", "live", "flicker", "magnifier", "zoom"]
    image: Sha256 | None = None
    at_ms: int = Field(ge=0, le=24 * 3600 * 1000)


class JudgementRequest(StrictMessage):
    """What the officer says of the two faces, before anything else is told."""

    verdict: Verdict
    confidence: int = Field(ge=1, le=5, description="1, a guess, to 5, certain.")
    features: dict[Feature, Literal["same", "different", "not_visible"]] = Field(default={})
    viewed: list[ViewedMessage] = Field(default=[], max_length=200)


class DecisionRequest(StrictMessage):
    """An officer's answer. `answers` of a revealed case lists which ground belongs to which."""

    answer: Answer
    ground: Ground
    note: str = Field(default="", max_length=500)


class FeedbackMessage(StrictMessage):
    """After the decision: this was a prepared case, of which the truth is known."""

    truth: Truth
    outcome: Outcome
    text: str


class ShiftMessage(StrictMessage):
    """The own shift."""

    started_at: datetime
    stretch_began_at: datetime = Field(description="Since when without a break.")
    on_break: bool = Field(description="Whether the officer is on a break.")
    break_due_at: datetime | None = Field(description="When a break is due; null during one.")
    break_due: bool = Field(description="Whether a break is due now.")
    planned_end_at: datetime = Field(description="When the shift is planned to end; nothing ends by it.")


class ShiftOrNone(StrictMessage):
    """The own shift, or null where there is none."""

    shift: ShiftMessage | None = Field(description="The shift.")


class HandOverRequest(StrictMessage):
    """How a shift ends."""

    note: str = Field(default="", max_length=2000, description="What the next shift should know.")
    colleague: str | None = Field(
        default=None, max_length=32, description="The pseudonym of who takes over the own cases, if anybody."
    )


class HandOver(StrictMessage):
    """What became of the cases that the officer had."""

    handed: list[str] = Field(description="Passages that the colleague has now, to be judged blind.")
    released: list[str] = Field(description="Passages that wait for anybody.")


class DecisionAnswer(StrictMessage):
    """The result of an answer: decided, or another officer is asked, who does not see this answer."""

    state: Literal["decided", "second_officer", "third_officer"]
    decision: DecisionMessage | None
    feedback: FeedbackMessage | None = Field(
        default=None, description="Of a prepared case alone; nothing before the decision tells one."
    )
