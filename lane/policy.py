"""The rules of a site, as a file: read strictly, so that no check goes missing by a slip of the pen."""

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lane.errors import PolicyError
from models.identity import MatcherIdentity
from models.measurement import Measure, Measured, NotAssessed

SHIPPED = Path(__file__).with_name("policy.toml")

LIVE = frozenset(
    {"inter_eye_distance_px", "sharpness", "brightness", "yaw_deg", "pitch_deg", "roll_deg", "motion"}
)
DOCUMENT = frozenset({"inter_eye_distance_px"})

Finite = Annotated[float, Field(allow_inf_nan=False)]
WhenMissing = Literal["refer", "signal"]


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


def beyond_limits(quality: Mapping[str, Measure], limits: Mapping[str, Limit]) -> tuple[str, ...]:
    """The components that miss their limit; a missing one fails."""
    missing = NotAssessed("not measured")
    return tuple(name for name, limit in limits.items() if not limit.holds(quality.get(name, missing)))
