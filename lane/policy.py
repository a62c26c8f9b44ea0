"""Evidence in, admit or refer out: a pure function that reads like the rule book.

It admits only on positive proof of every check; whatever is missing, not a number or failing is a reason to
refer. It never refuses: that is an officer's.
"""

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lane.errors import PolicyError
from lane.evidence import CaptureEnd, Check, DeskContact, Evidence
from lane.reasons import Code, Reason, worst_first
from models.identity import MatcherIdentity
from models.measurement import Measure, Measured, NotAssessed

SHIPPED = Path(__file__).with_name("policy.toml")

LIVE = frozenset(
    {"inter_eye_distance_px", "sharpness", "brightness", "yaw_deg", "pitch_deg", "roll_deg", "motion"}
)
DOCUMENT = frozenset({"inter_eye_distance_px"})

Finite = Annotated[float, Field(allow_inf_nan=False)]
WhenMissing = Literal["refer", "signal"]


@dataclass(frozen=True, slots=True)
class Admit:
    """Every required check was proved. `remarks` are signalled, and stand in the ledger."""

    remarks: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Refer:
    """An officer decides; `reasons` worst first."""

    reasons: tuple[Reason, ...]
    remarks: tuple[Reason, ...] = ()


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Limit(_Strict):
    """A closed range; a side that is not given is open."""

    min: Finite | None = None
    max: Finite | None = None

    @model_validator(mode="after")
    def _some_side(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a limit needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self

    def holds(self, measure: Measure) -> bool:
        """True only for a measured value inside the range."""
        if not isinstance(measure, Measured):
            return False
        above = self.min is None or measure.value >= self.min
        return above and (self.max is None or measure.value <= self.max)


class Band(_Strict):
    """Where one matcher's scores admit, ask or say no match, and the measurement behind it."""

    name: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    admit: Annotated[float, Field(gt=0, le=1)]
    borderline: Annotated[float, Field(gt=0, le=1)]
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.borderline > self.admit:
            raise ValueError("borderline must not be above admit: scores between them would be lost")
        return self


class LivenessRule(_Strict):
    """What to do about attack detection."""

    when_not_assessed: WhenMissing
    minimum: Annotated[float, Field(gt=0, le=1)]


class DeskRule(_Strict):
    """What to do while officers are out of reach, and how old an answer may be."""

    when_lost: WhenMissing
    max_answer_age_s: Annotated[float, Field(gt=0, le=600)]


class CaptureRule(_Strict):
    """When a capture is good."""

    good_frames: Annotated[int, Field(ge=2, le=50)]
    timeout_s: Annotated[float, Field(gt=0, le=60)]
    max_frame_age_s: Annotated[float, Field(gt=0, le=2)]
    max_span_s: Annotated[float, Field(gt=0, le=5)]
    second_face_ratio: Annotated[float, Field(gt=0, le=0.7)]


class QualityRule(_Strict):
    """Limits by component."""

    live: dict[str, Limit]
    document: dict[str, Limit]

    @model_validator(mode="after")
    def _nothing_left_out(self) -> Self:
        """A limit may be generous; a component without one would be a check that silently went."""
        missing = [*(LIVE - self.live.keys()), *(DOCUMENT - self.document.keys())]
        if missing:
            raise ValueError(f"no limit for {', '.join(sorted(missing))}")
        return self


class Policy(_Strict):
    """One version of the rules. `sha256` is that of the file it was read from."""

    version: Annotated[str, Field(min_length=1)]
    sha256: str
    for_stills: bool = False
    """Pictures are compared, nothing moves: no document, no desk, no motion. Not for a file to say."""
    liveness: LivenessRule
    desk: DeskRule
    capture: CaptureRule
    quality: QualityRule
    matcher: Annotated[list[Band], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_band_for_a_file(self) -> Self:
        files = [(band.name, band.sha256) for band in self.matcher]
        if len(files) != len(set(files)):
            raise ValueError("two thresholds for one matcher file")
        return self

    def identity(self) -> dict[str, str]:
        """What a decision names: version and SHA-256 of the file."""
        return {"version": self.version, "sha256": self.sha256}

    def band(self, matcher: MatcherIdentity) -> Band | None:
        """The band of exactly this matcher's file, or None."""
        found = (band for band in self.matcher if (band.name, band.sha256) == (matcher.name, matcher.sha256))
        return next(found, None)

    def for_pictures(self) -> "Policy":
        """For comparing still pictures: no document was presented, no desk is involved, nothing moves."""
        limits = {name: limit for name, limit in self.quality.live.items() if name not in _NOT_IN_STILLS}
        changed = {
            "for_stills": True,
            "desk": self.desk.model_copy(update={"when_lost": "signal"}),
            "capture": self.capture.model_copy(update={"good_frames": 1}),
            "quality": self.quality.model_copy(update={"live": limits}),
        }
        return self.model_copy(update=changed)


_NOT_IN_STILLS = ("motion", "offset_x", "offset_y", "head_size")


def load(path: Path = SHIPPED) -> Policy:
    """Read a policy file. Raises PolicyError that says what is wrong in it."""
    try:
        content = path.read_bytes()
        fields: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
        if fields.keys() & {"sha256", "for_stills"}:
            raise PolicyError(f"policy {path}: sha256 and for_stills are not for a file to say")
        return Policy(**fields, sha256=hashlib.sha256(content).hexdigest())
    except OSError as error:
        raise PolicyError(f"policy {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"policy {path} is not TOML: {error}") from error
    except (ValidationError, TypeError) as error:
        raise PolicyError(f"policy {path}: {error}") from error


def decide(evidence: Evidence, policy: Policy) -> Admit | Refer:
    """Admit only on positive proof; anything missing is a reason to refer."""
    failed = tuple(dict.fromkeys(reason for rule in RULES for reason in rule(evidence, policy)))
    remarks = worst_first(tuple(_remarks(evidence, policy)))
    return Refer(worst_first(failed), remarks) if failed else Admit(remarks)


def _unchanged(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if not evidence.models_unchanged:
        yield Reason(Code.MODEL_CHANGED)
    if policy.band(evidence.matcher) is None:
        yield Reason(Code.MODEL_CHANGED, ("matcher",))


def _engine_ran(evidence: Evidence, _: Policy) -> Iterator[Reason]:
    if evidence.engine_fault is not None:
        yield Reason(Code.ENGINE_LOST)


def _document_valid(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if not policy.for_stills and evidence.document.expiry is not Check.SUCCESSFUL:
        yield Reason(Code.DOCUMENT_EXPIRED)


def _photo_usable(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if evidence.document.photo_fault is not None:
        yield Reason(Code.DOCUMENT_PHOTO_UNUSABLE, (evidence.document.photo_fault,))
    elif _engine_says_why(evidence, evidence.document.photo_faces):
        return
    elif evidence.document.photo_faces != Measured(1):
        yield Reason(Code.DOCUMENT_PHOTO_UNUSABLE, ("faces",))
    elif failing := _failing(evidence.document.photo_quality, policy.quality.document):
        yield Reason(Code.DOCUMENT_PHOTO_UNUSABLE, failing)


def _engine_says_why(evidence: Evidence, measure: Measure) -> bool:
    """S01 refers already: a system fault never counts against the person."""
    return evidence.engine_fault is not None and not isinstance(measure, Measured)


def _one_face(evidence: Evidence, _: Policy) -> Iterator[Reason]:
    match evidence.capture.faces_in_view:
        case Measured(1):
            return
        case Measured(value) if value > 1:
            yield Reason(Code.SEVERAL_FACES)
        case Measured():
            yield Reason(Code.NO_FACE)
        case _:
            yield Reason(Code.TIMEOUT)


def _enough_frames(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    capture = evidence.capture
    if capture.ended is not CaptureEnd.ENOUGH or capture.good_frames < policy.capture.good_frames:
        yield Reason(Code.TIMEOUT)


def _good_quality(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    faces = evidence.capture.faces_in_view
    if not (isinstance(faces, Measured) and faces.value >= 1):
        return  # _one_face refers: without a face there is no quality to speak of
    if evidence.engine_fault is not None and not evidence.quality:
        return  # _engine_ran refers
    failing = _failing(evidence.quality, policy.quality.live)
    if failing:
        yield Reason(Code.QUALITY, failing)
    yield from (Reason(code) for code, names in _OWN_CODE.items() if names & set(failing))


_OWN_CODE = {
    Code.MOTION: {"motion"},
    Code.POSE: {"yaw_deg", "pitch_deg", "roll_deg"},
    Code.LIGHT: {"brightness"},
}


def _same_person(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    band = policy.band(evidence.matcher)
    if band is None:
        return  # _unchanged refers: a score without its threshold says nothing
    match evidence.similarity:
        case Measured(value) if value >= band.admit:
            return
        case Measured(value) if value >= band.borderline:
            yield Reason(Code.BORDERLINE)
        case Measured():
            yield Reason(Code.NO_MATCH)
        case _ if not any(_photo_usable(evidence, policy)):
            yield Reason(Code.TIMEOUT)  # otherwise D16 says why there was nothing to compare with


def _live(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    match evidence.liveness:
        case Measured(value) if value >= policy.liveness.minimum:
            return
        case Measured():
            yield Reason(Code.ATTACK_ALARM)
        case _ if policy.liveness.when_not_assessed != "signal":
            yield Reason(Code.ATTACK_DETECTION_UNAVAILABLE)


def _desk_reached(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if policy.desk.when_lost != "signal":
        yield from _desk_lost(evidence)


RULES: tuple[Callable[[Evidence, Policy], Iterator[Reason]], ...] = (
    _unchanged,
    _engine_ran,
    _document_valid,
    _photo_usable,
    _one_face,
    _enough_frames,
    _good_quality,
    _same_person,
    _live,
    _desk_reached,
)


def _remarks(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if isinstance(evidence.liveness, NotAssessed) and policy.liveness.when_not_assessed == "signal":
        yield Reason(Code.ATTACK_DETECTION_UNAVAILABLE)
    if policy.desk.when_lost == "signal":
        yield from _desk_lost(evidence)


def _desk_lost(evidence: Evidence) -> Iterator[Reason]:
    if evidence.desk is not DeskContact.REACHED:
        lost = evidence.desk is DeskContact.NETWORK_LOST
        yield Reason(Code.NETWORK_LOST if lost else Code.DESK_LOST)


def failing_live(quality: Mapping[str, Measure], policy: Policy) -> tuple[str, ...]:
    """The components of a live frame that miss their limit; a missing one fails."""
    return _failing(quality, policy.quality.live)


def _failing(quality: Mapping[str, Measure], limits: Mapping[str, Limit]) -> tuple[str, ...]:
    missing = NotAssessed("not measured")
    return tuple(name for name, limit in limits.items() if not limit.holds(quality.get(name, missing)))
