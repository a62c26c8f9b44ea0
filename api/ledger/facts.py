"""What a lane's entries hold, as far as the desk reads them."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from api.platform.messages import PassageName, Point, Sha256, Told, Wire


class StoredEntry(Wire):
    """A ledger entry exactly as the lane stored it."""

    payload: str = Field(max_length=65536)
    hash: Sha256


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
    quality: dict[str, MeasureTold] = Field(default={})
    similarity: MeasureTold = MeasureTold()
    achieved_fmr: MeasureTold = MeasureTold()
    liveness: MeasureTold = MeasureTold()
    liveness_cues: dict[str, MeasureTold] = Field(default={})
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

    @property
    def codes(self) -> frozenset[str]:
        """The reasons' codes."""
        return frozenset(reason.code for reason in self.reasons)


class PassageTold(Told):
    """The body of a fact that needs no more than its passage."""

    passage: PassageName


class AskedTold(PassageTold):
    """The body of `passage.asked`: a lane took up what an officer asked for this passage."""

    request: Annotated[int, Field(ge=1, le=2**53)]


class ClosedTold(PassageTold):
    """The body of `passage.closed`."""

    how: str = Field(max_length=64)


Count = Annotated[int, Field(ge=0, le=100_000)]


Share = Annotated[float, Field(ge=0, le=1)]


class Exactly(Told):
    """A part of `passage.evaluated`: true is not one, and a word is no number."""

    model_config = ConfigDict(strict=True)


class MatcherTold(Exactly):
    """The matcher that decided."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    sha256: Sha256
    preprocessing: Sha256


class TallyTold(Exactly):
    """How a passenger compared with the documents of others."""

    compared: Count
    matched: Count
    skipped: Count = 0
    skipped_matched: Count = 0

    @model_validator(mode="after")
    def _no_more_matched_than_compared(self) -> Self:
        if self.matched > self.compared or self.skipped_matched > self.skipped:
            raise ValueError("more matched than were compared")
        return self


class CohortTold(Exactly):
    """A round of comparisons; without `others` there was none."""

    others: TallyTold | None = None
    in_group: TallyTold | None = None


class ShadowTold(Exactly):
    """What a second matcher says; without `agreement` it did not."""

    matcher: MatcherTold | None = None
    agreement: Literal["both_match", "both_not", "disagree"] | None = None


class LimitsTold(Exactly):
    """What the calibration of the matcher expects, as shares."""

    fmr: Share | None = None
    fnmr: Share | None = None


class EvaluatedTold(Exactly):
    """The body of `passage.evaluated`."""

    passage: PassageName
    matcher: MatcherTold | None = None
    group: Annotated[str, Field(pattern="^[A-Z]{1,3}$")] | None = None
    own_match: bool | None = None
    cohort: CohortTold = CohortTold()
    shadow: ShadowTold = ShadowTold()
    limits: LimitsTold = LimitsTold()
