"""What goes over the wire: strict, but tolerant inside a lane's ledger entries."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from lane.referral import Answer, Ground

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
PassageName = Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Za-z0-9._-]+$")]


class Wire(BaseModel):
    """A message whose fields are all known."""

    # An error's text may come into a log; what was sent may not.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Problem(Wire):
    """Every error of the desk."""

    code: str = Field(examples=["already_decided"])
    message: str = Field(description="What happened and what to do.")


class Health(Wire):
    """The desk answers."""

    status: Literal["ok"] = "ok"


# --- lanes


class StoredEntry(Wire):
    """A ledger entry exactly as the lane stored it."""

    payload: str = Field(max_length=65536)
    hash: Sha256


class EntryBatch(Wire):
    """Entries of one lane's chain, in order."""

    entries: list[StoredEntry] = Field(min_length=1, max_length=100)


class ChainHead(Wire):
    """The end of a chain; keep it: it is a witness."""

    seq: int
    hash: Sha256


class Applied(Wire):
    """How far the desk has the lane's chain, and the head of the desk's own."""

    applied_through: int
    head: ChainHead


class DecisionMessage(Wire):
    """One officer's answer to one referral."""

    id: str
    passage: str
    answer: Answer
    ground: Ground
    officer: str = Field(description="The officer's pseudonym, never a name.")
    decided_at: datetime


class DecisionOrNone(Wire):
    """The decision, or null while there is none."""

    decision: DecisionMessage | None


# --- officers


class Credentials(Wire):
    """What an officer signs in with."""

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class Officer(Wire):
    """Who is signed in."""

    name: str
    pseudonym: str
    role: Literal["officer", "supervisor", "auditor", "administrator"]
    duties: list[str] = Field(description="For which cases this officer may be asked beside all others.")


class SignedIn(Wire):
    """The session; send the token as X-CSRF-Token with everything that changes something."""

    officer: Officer
    csrf_token: str


Point = tuple[FiniteFloat, FiniteFloat]
"""Column and row in pixels of an image, from its upper left corner."""


class ReasonMessage(Wire):
    """Why a passenger was referred: the field's code, its components, and the officer's text."""

    code: str = Field(
        description="F09 and F10 tell of the comparison. A page keeps them back until the officer has looked "
        "at the faces; a client that shows cases to a person must do so too."
    )
    components: list[str]
    text: str


class ImageMessage(Wire):
    """One image of a referral and where to fetch it."""

    role: str
    sha256: Sha256
    sequence: int | None
    captured_at: str | None
    eyes: tuple[Point, Point] | None
    href: str


ReferralState = Literal["open", "claimed", "decided", "ended"]


class ReferralSummary(Wire):
    """A referral as the queue shows it. `ended`: the passage closed before an officer decided."""

    passage: str
    lane: str
    state: ReferralState
    opened_at: datetime
    waiting_s: int
    reasons: list[ReasonMessage]
    claimed_by: str | None
    claimed_until: datetime | None
    mine: bool
    decision: DecisionMessage | None


class ReferralList(Wire):
    """Who waits, the gravest first, then the oldest; then who was decided on, the last first."""

    referrals: list[ReferralSummary] = Field(description="At most 200.")
    waiting: int = Field(description="How many wait in all, listed or not.")


class AchievedFmr(Wire):
    """What the lane's comparison is worth, by the calibration of the lane's matcher."""

    value: float | None = Field(
        gt=0,
        le=1,
        description="The achieved FMR: of the strangers in the worst group, the share who score as high as "
        "this comparison or higher, as a fraction. It is no probability of being the same person. Null where "
        "nothing was compared, or the lane did not tell.",
    )
    text: str = Field(description="The same in words: show these, never a percentage.")


class ReferralDetail(ReferralSummary):
    """A referral as its officer sees it: no similarity, no score."""

    achieved_fmr: AchievedFmr | None = Field(
        description="Null until the case is decided: what the comparison is worth must not lead the eye of "
        "the officer who compares the faces."
    )
    remarks: list[ReasonMessage]
    images: list[ImageMessage]
    checked: list[str] = Field(description="What was checked and what came of it, in words.")
    not_checked: list[str] = Field(description="What was not checked, and why, in words.")


class ClaimMessage(Wire):
    """The case is the officer's until then; claim again to renew."""

    passage: str
    claimed_until: datetime
    lease_s: int


class DecisionRequest(Wire):
    """An officer's answer. Grounds of admit: same_person, checked_by_hand, other. Grounds of second_line:
    different_person, cannot_tell, document_in_doubt, needs_assistance, other."""

    answer: Answer
    ground: Ground
    note: str = Field(default="", max_length=500)


# --- the ledger


class TreeHeadMessage(Wire):
    """The root over the first `size` entries, signed. What is signed is told in `api/heads.py`."""

    size: int = Field(description="How many entries.")
    root: Sha256 = Field(description="Root of the Merkle tree over them (RFC 6962).")
    at: str = Field(description="When, exactly as it was signed.")
    key: str = Field(pattern="^[0-9a-f]{64}$", description="The Ed25519 key that signed, public.")
    signature: str = Field(pattern="^[0-9a-f]{128}$")


class InclusionProof(Wire):
    """From an entry to a root."""

    seq: int = Field(description="The entry's number; the first is 1.")
    size: int = Field(description="Of the tree whose root is reached.")
    leaf: Sha256 = Field(description="SHA-256 of a zero byte and the 32 bytes of the entry's hash.")
    path: list[Sha256] = Field(description="From the leaf upwards.")


class ConsistencyProof(Wire):
    """From the root of a smaller tree to that of a larger one."""

    first: int
    second: int
    path: list[Sha256]


# --- inside a lane's entries: a newer lane may say more, so unknown fields pass


class Told(BaseModel):
    """Part of a lane's entry."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class ReasonTold(Told):
    """A reason or a remark; the code may be newer than this desk."""

    code: str = Field(max_length=16)
    components: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=32)


class ImageTold(Told):
    """An image that a referral names."""

    role: Literal["document", "live"]
    sha256: Sha256
    sequence: int | None = None
    captured_at: str | None = Field(default=None, max_length=64)
    eyes: tuple[Point, Point] | None = None
    """Where the lane tells it, the page shows both faces at one size, with the eyes on one line."""


class MeasureTold(Told):
    """A value, or why there is none."""

    value: float | None = None
    not_assessed: str | None = Field(default=None, max_length=256)


class DocumentTold(Told):
    """What the document said."""

    expiry: str = Field(default="undetermined", max_length=32)
    expires_on: str | None = Field(default=None, max_length=32)
    photo_fault: str | None = Field(default=None, max_length=256)


class CaptureTold(Told):
    """How the live capture went."""

    ended: str = Field(default="", max_length=32)
    frames_seen: int | None = None
    good_frames: int | None = None


class EvidenceTold(Told):
    """The part of the evidence that an officer is told about; the rest stays in the ledger."""

    document: DocumentTold = DocumentTold()
    capture: CaptureTold = CaptureTold()
    quality: dict[str, MeasureTold] = {}
    similarity: MeasureTold = MeasureTold()
    achieved_fmr: MeasureTold = MeasureTold()
    """Lanes before the release that calibrates do not tell it."""
    liveness: MeasureTold = MeasureTold()
    engine_fault: str | None = None
    desk: str = "reached"


class JudgedTold(Told):
    """The body of `passage.judged`."""

    passage: PassageName
    outcome: Literal["admit", "refer"]
    reasons: list[ReasonTold] = Field(default=[], max_length=64)
    remarks: list[ReasonTold] = Field(default=[], max_length=64)
    evidence: EvidenceTold = EvidenceTold()
    images: list[ImageTold] = Field(default=[], max_length=16)


class ClosedTold(Told):
    """The body of `passage.closed`."""

    passage: PassageName
    how: str = Field(max_length=64)
