"""The bodies of a lane's entries, as far as the desk reads them."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from api.platform.messages import LaneInput, PassageName, Point, Sha256, StrictMessage


class StoredEntry(StrictMessage):
    """A ledger entry exactly as the lane stored it."""

    payload: str = Field(max_length=65536)
    hash: Sha256


class ReasonFact(LaneInput):
    """A reason or a remark; the code may be newer than this desk."""

    code: str = Field(max_length=16)
    components: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=32)


class ImageFact(LaneInput):
    """An image that a referral names."""

    role: Literal["document", "live"]
    sha256: Sha256
    sequence: int | None = None
    captured_at: str | None = Field(default=None, max_length=64)
    eyes: tuple[Point, Point] | None = None
    """The page then shows both faces at one size, with the eyes on one line."""


class MeasureFact(LaneInput):
    """A value, or why there is none."""

    value: float | None = None
    not_assessed: str | None = Field(default=None, max_length=256)


class DocumentFact(LaneInput):
    """The data from the document."""

    expiry: str = Field(default="undetermined", max_length=32)
    expires_on: str | None = Field(default=None, max_length=32)
    photo_fault: str | None = Field(default=None, max_length=256)


class CaptureFact(LaneInput):
    """How the live capture went."""

    ended: str = Field(default="", max_length=32)
    frames_seen: int | None = None
    good_frames: int | None = None


class EvidenceFact(LaneInput):
    """The part of the evidence that officers see; the rest stays in the ledger."""

    document: DocumentFact = DocumentFact()
    capture: CaptureFact = CaptureFact()
    quality: dict[str, MeasureFact] = Field(default={})
    similarity: MeasureFact = MeasureFact()
    achieved_fmr: MeasureFact = MeasureFact()
    liveness: MeasureFact = MeasureFact()
    liveness_cues: dict[str, MeasureFact] = Field(default={})
    engine_fault: str | None = None
    desk: str = "reached"


class JudgedFact(LaneInput):
    """The body of `passage.judged`."""

    passage: PassageName
    outcome: Literal["admit", "refer"]
    reasons: list[ReasonFact] = Field(default=[], max_length=64)
    remarks: list[ReasonFact] = Field(default=[], max_length=64)
    evidence: EvidenceFact = EvidenceFact()
    images: list[ImageFact] = Field(default=[], max_length=16)

    @property
    def codes(self) -> frozenset[str]:
        """The reasons' codes."""
        return frozenset(reason.code for reason in self.reasons)


class PassageFact(LaneInput):
    """The body of a fact that needs no more than its passage."""

    passage: PassageName


class AskedFact(PassageFact):
    """The body of `passage.asked`: a lane took up what an officer asked for this passage."""

    request: Annotated[int, Field(ge=1, le=2**53)]


class ClosedFact(PassageFact):
    """The body of `passage.closed`."""

    how: str = Field(max_length=64)


Count = Annotated[int, Field(ge=0, le=100_000)]


Share = Annotated[float, Field(ge=0, le=1)]


class StrictFact(LaneInput):
    """A part of `passage.evaluated`: no value is taken for one of another type."""

    model_config = ConfigDict(strict=True)


class MatcherFact(StrictFact):
    """The matcher that decided."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    sha256: Sha256
    preprocessing: Sha256


class TallyFact(StrictFact):
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


class CohortFact(StrictFact):
    """A round of comparisons; without `others` there was none."""

    others: TallyFact | None = None
    in_group: TallyFact | None = None


class ShadowFact(StrictFact):
    """The result of a second matcher; None where it has none."""

    matcher: MatcherFact | None = None
    agreement: Literal["both_match", "both_not", "disagree"] | None = None


class LimitsFact(StrictFact):
    """The error rates that the matcher's calibration expects, as shares."""

    fmr: Share | None = None
    fnmr: Share | None = None


class EvaluatedFact(StrictFact):
    """The body of `passage.evaluated`."""

    passage: PassageName
    matcher: MatcherFact | None = None
    group: Annotated[str, Field(pattern="^[A-Z]{1,3}$")] | None = None
    own_match: bool | None = None
    cohort: CohortFact = CohortFact()
    shadow: ShadowFact = ShadowFact()
    limits: LimitsFact = LimitsFact()
