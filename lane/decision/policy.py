"""The rules of a site, as a file: read strictly, so that no check goes missing by a slip of the pen.

Where scores admit is not a rule that a file may state: it follows from what the file demands of error rates,
and from the calibration of the very matcher that runs.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, InstanceOf, ValidationError, model_validator

from lane.decision import calibration
from lane.decision.calibration import Band, Calibration, ComparisonRule, StrictModel
from lane.decision.referral import MOST_REPEATS
from lane.platform.errors import CalibrationError, PolicyError
from lane.platform.toml_positions import lines, nearest
from models.quality.components import COMPONENTS
from models.values.identity import MatcherIdentity
from models.values.measurement import Measure, Measured, NotAssessed

SHIPPED = Path(__file__).with_name("policy.toml")
SHIPPED_CALIBRATIONS = Path(__file__).with_name("calibrations")

LIVE = frozenset(name for name, one in COMPONENTS.items() if one.live)
DOCUMENT = frozenset(name for name, one in COMPONENTS.items() if one.document)

Finite = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
WhenMissing = Literal["refer", "signal"]


class Limit(StrictModel):
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


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration, and the band that follows from it by the site's rule."""

    calibration: Calibration
    band: Band


class LivenessRule(StrictModel):
    use: Literal["cue", "alarm"]
    """What the score of the liveness cues is: an officer's hint, or a measure that refers."""
    when_not_assessed: WhenMissing
    minimum: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _no_way_around(self) -> Self:
        """An alarm that a capture too short for any cue could avoid would be none."""
        if self.use == "alarm" and self.when_not_assessed != "refer":
            raise ValueError(
                'use = "alarm" needs when_not_assessed = "refer": who gives no cue raises no alarm'
            )
        return self


class DocumentRule(StrictModel):
    """What must be proved of the document beside its expiry and its photo."""

    required_checks: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]] = Field(
        default_factory=list
    )
    """By name (`DocumentEvidence.checks`): one that did not succeed, or was not made, refers (D01, D03)."""


class DeskRule(StrictModel):
    """What to do while officers are out of reach, and how old an answer may be."""

    when_lost: WhenMissing
    max_answer_age_s: Annotated[float, Field(gt=0, le=600)]


class EngineRule(StrictModel):
    """What to do once the networks no longer run where they ran (S01)."""

    when_lost: Literal["cpu", "close"]


class PersonRule(StrictModel):
    """Who is not captured: an officer helps at once."""

    capture_from_age: Annotated[int, Field(ge=0, le=21)]
    when_unknown: WhenMissing


class CaptureRule(StrictModel):
    good_frames: Annotated[int, Field(ge=2, le=50)]
    """The least number; `lane.capture.stop_rule` says when more are looked at."""
    most_good_frames: Annotated[int, Field(ge=2, le=50)]
    score_varies: Annotated[float, Field(gt=0, le=0.5)]
    """Scores of further frames are expected within this of the lowest and the highest so far."""
    least_s: Annotated[float, Field(ge=0, le=5)]
    """The passenger is observed for so long, even where the outcome is settled before; 0: no minimum."""
    timeout_s: Annotated[float, Field(gt=0, le=60)]
    max_frame_age_s: Annotated[float, Field(gt=0, le=2)]
    max_span_s: Annotated[float, Field(gt=0, le=5)]
    second_face_ratio: Annotated[float, Field(gt=0, le=0.7)]
    max_repeat_captures: Annotated[int, Field(ge=0, le=MOST_REPEATS)]
    """How often an officer may have the lane capture the same passenger once more."""

    @model_validator(mode="after")
    def _some_frames(self) -> Self:
        if self.most_good_frames < self.good_frames:
            raise ValueError("most_good_frames is below good_frames")
        if self.least_s > self.max_span_s / 2:
            raise ValueError("least_s is above half of max_span_s: what decides would be too old by then")
        return self


class ZoneRule(StrictModel):
    """Where the passenger stands, and who else counts. Sides are fractions of the frame."""

    left: Fraction
    right: Fraction
    top: Fraction
    bottom: Fraction
    least_head: Annotated[float, Field(gt=0, le=0.5)]
    max_gap_s: Annotated[float, Field(gt=0, le=2)]
    least_overlap: Annotated[float, Field(gt=0, lt=1)]
    most_moved: Annotated[float, Field(gt=0, le=1)]
    arrived_after_s: Annotated[float, Field(ge=0, le=5)]
    left_after_s: Annotated[float, Field(gt=0, le=60)]

    @model_validator(mode="after")
    def _some_zone(self) -> Self:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("the zone is empty: left must be below right, and top below bottom")
        return self


class StreamRule(StrictModel):
    """What this site's camera and its clock cannot do: beyond it a stream is not the camera's (A03)."""

    frozen_s: Annotated[float, Field(gt=0, le=10)]
    """For so long the camera may show the very same picture."""
    motionless_s: Annotated[float, Field(gt=0, le=60)]
    """For so long a picture with somebody in it may stay still, apart from its noise."""
    clock_step_s: Annotated[float, Field(gt=0, le=2)]
    """By so much wall clock and monotonic clock may drift apart between two frames."""
    most_frames_per_second: Annotated[float, Field(gt=0, le=1000)]
    least_jitter_s: Annotated[float, Field(ge=0, le=0.1)]
    """The standard deviation of the time from frame to frame; 0 asks for none."""
    earlier_captures: Annotated[int, Field(ge=0, le=64)]
    """How many captures are remembered, to find a repeated one; 0 where a file stands in for a camera."""
    noise: Limit
    """Of the sensor, in grey levels, where the picture is quiet
    (`lane.capture.stream_check.noise_between`)."""


class QualityRule(StrictModel):
    live: dict[str, Limit]
    document: dict[str, Limit]

    @model_validator(mode="after")
    def _nothing_left_out(self) -> Self:
        """A limit may be generous; a component without one would be a check that silently went."""
        missing = [*(LIVE - self.live.keys()), *(DOCUMENT - self.document.keys())]
        if missing:
            raise ValueError(f"no limit for {', '.join(sorted(missing))}")
        return self


class Policy(StrictModel):
    """One version of the rules. `sha256` covers the file it was read from, and its calibrations."""

    version: Annotated[str, Field(min_length=1)]
    sha256: str
    for_stills: bool = False
    """Pictures are compared, nothing moves: no document, no desk, no motion. Not for a file to say."""
    document: DocumentRule = DocumentRule()
    liveness: LivenessRule
    desk: DeskRule
    engine: EngineRule
    person: PersonRule
    zone: ZoneRule
    capture: CaptureRule
    stream: StreamRule
    quality: QualityRule
    comparison: ComparisonRule
    calibrated: tuple[InstanceOf[Calibrated], ...] = ()
    """What the calibrations say that the file names; one for a matcher. Not for a file to say."""

    def identity(self) -> dict[str, str]:
        """What a decision names: the version, and one SHA-256 for the file and its calibrations."""
        return {"version": self.version, "sha256": self.sha256}

    def band(self, matcher: MatcherIdentity) -> Band | None:
        """Where the scores of exactly this matcher admit, or None where no calibration fits it."""
        fitting = self._fitting(matcher)
        return fitting.band if fitting else None

    def achieved_fmr(self, matcher: MatcherIdentity, similarity: Measure) -> Measure:
        """The share of strangers in the worst group who score as high as this or higher, in (0, 1]."""
        fitting = self._fitting(matcher)
        if fitting is None:
            return NotAssessed("no calibration of this matcher")
        if not isinstance(similarity, Measured):
            return NotAssessed("not compared")
        return fitting.calibration.achieved_fmr(similarity.value)

    def check(self, matcher: MatcherIdentity, arithmetic: str = "") -> Band:
        """The band that decides; PolicyError that says what to do where this matcher must not decide.

        `arithmetic` is what the matcher runs in, where that is known: for the error alone.
        """
        band = self.band(matcher)
        if band is None:
            why = self._why_none_fits(matcher, arithmetic)
            raise PolicyError(f"policy {self.version}: {why}. {_CALIBRATE}")
        accepted = self.comparison.accepted_referral_load
        if not band.holders_below <= accepted:
            raise PolicyError(
                f"policy {self.version}: at the threshold {band.admit:.3f} that its limits demand, "
                f"{band.holders_below:.2%} of genuine holders go to an officer, and "
                f"accepted_referral_load is {accepted:.2%}. The threshold is not lowered for that: accept "
                "the load and staff for it, or take a better matcher, camera or light and calibrate anew"
            )
        return band

    def _fitting(self, matcher: MatcherIdentity) -> Calibrated | None:
        return next((one for one in self.calibrated if one.calibration.fits(matcher)), None)

    def _why_none_fits(self, matcher: MatcherIdentity, arithmetic: str) -> str:
        known = [one.calibration for one in self.calibrated]
        named = [one for one in known if one.matcher.name == matcher.name]
        same_weights = [one for one in named if one.matcher.sha256 == matcher.sha256]
        if same_weights:
            files = " and ".join(f"{one.file} (in {one.content.matcher.arithmetic})" for one in same_weights)
            if arithmetic and arithmetic not in {one.content.matcher.arithmetic for one in same_weights}:
                return f"no calibration for {matcher.name} in {arithmetic}, only {files}"
            return f"{files}: measured with other preprocessing or in another arithmetic than {matcher.name}"
        if named:
            return f"{named[0].file} was measured with other weights of {matcher.name}, not {matcher.sha256}"
        names = ", ".join(one.matcher.name for one in known)
        return f"no calibration for matcher {matcher.name}, only for {names}"

    def for_pictures(self) -> "Policy":
        """For comparing still pictures: no document was presented, no desk is involved, nothing moves."""
        moving = {name for name, one in COMPONENTS.items() if not one.of_stills}
        limits = {name: limit for name, limit in self.quality.live.items() if name not in moving}
        changed = {
            "for_stills": True,
            "document": DocumentRule(),
            "desk": self.desk.model_copy(update={"when_lost": "signal"}),
            "capture": self.capture.model_copy(update={"good_frames": 1}),
            "quality": self.quality.model_copy(update={"live": limits}),
        }
        return self.model_copy(update=changed)


_CALIBRATE = (
    "Measure one with `python -m benchmarks calibrate` on this installation, lay it beside the policy and "
    "name it under [comparison] calibrations"
)
_NOT_FOR_A_FILE = ("calibrated", "for_stills", "sha256")


def load(path: Path = SHIPPED, calibrations: Path | None = None) -> Policy:
    """Read a policy file and the calibrations it names. PolicyError says what is wrong in which of them.

    `calibrations` is the folder where they are looked for first; without it, the policy's own.
    """
    content = b""
    try:
        content = path.read_bytes()
        fields: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
        if fields.keys() & _NOT_FOR_A_FILE:
            raise PolicyError(f"policy {path}: {', '.join(_NOT_FOR_A_FILE)} are not for a file to say")
        policy = Policy(**fields, sha256=hashlib.sha256(content).hexdigest())
        return _with_calibrations(policy, calibrations or path.parent)
    except OSError as error:
        raise PolicyError(f"policy {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(f"policy {path} is not TOML: {error}") from error
    except ValidationError as error:
        raise PolicyError("\n".join(_faults(error, path, content.decode("utf-8")))) from error
    except TypeError as error:
        raise PolicyError(f"policy {path}: {error}") from error
    except CalibrationError as error:
        raise PolicyError(f"policy {path}: calibration {error}") from error


def _faults(error: ValidationError, path: Path, text: str) -> Iterator[str]:
    """Each with its line and its key."""
    found = lines(text)
    for one in error.errors(include_url=False, include_input=False):
        where = tuple(str(part) for part in one["loc"])
        line = nearest(found, where)
        place = f", line {line}" if line else ""
        yield f"policy {path}{place}, {'.'.join(where)}: {one['msg'].removeprefix('Value error, ')}"


def _with_calibrations(policy: Policy, folder: Path) -> Policy:
    """The policy with its calibrations read; they are looked for in `folder`, then among the shipped ones."""
    read = [calibration.load(_find(name, folder)) for name in policy.comparison.calibrations]
    if len({one.matcher for one in read}) != len(read):
        raise CalibrationError(f"{' and '.join(one.file for one in read)}: two for one matcher")
    calibrated = tuple(Calibrated(one, one.band(policy.comparison)) for one in read)
    # As `sha256sum policy.toml CALIBRATION | cut -d' ' -f1 | sha256sum` has it.
    hashes = "".join(f"{sha256}\n" for sha256 in (policy.sha256, *(one.sha256 for one in read)))
    one_hash = hashlib.sha256(hashes.encode("ascii")).hexdigest()
    return policy.model_copy(update={"calibrated": calibrated, "sha256": one_hash})


def _find(name: str, folder: Path) -> Path:
    beside = folder / name
    if beside.is_symlink() or beside.exists():  # one that leads nowhere is an error, not the shipped one
        return beside
    return SHIPPED_CALIBRATIONS / name


def beyond_limits(quality: Mapping[str, Measure], limits: Mapping[str, Limit]) -> tuple[str, ...]:
    """The components that miss their limit; a missing one fails."""
    missing = NotAssessed("not measured")
    return tuple(name for name, limit in limits.items() if not limit.holds(quality.get(name, missing)))
