"""What a matcher's scores are worth: measured error rates by score, read strictly, bound to one matcher.

A calibration is written by `python -m benchmarks calibrate`. It is never interpolated and never taken for
better than what was measured: between two points the worse one counts, and no rate is ever shown as zero.
"""

import hashlib
import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lane.platform.errors import CalibrationError
from models.values.identity import MatcherIdentity
from models.values.measurement import Measure, Measured, NotAssessed

FORMAT = "passenger-lane/calibration/1"
LARGEST_BYTES = 1 << 20
FEWEST_POINTS = 10
FEWEST_PEOPLE = 20
"""A group of fewer people is reported, and is too small to be the worst."""

Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Score = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(min_length=1, max_length=256)]
FileName = Annotated[str, Field(pattern=r"^[^\x00]+$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class StrictModel(BaseModel):
    """Unknown keys are refused, and no value is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ComparisonRule(StrictModel):
    """What a site demands of comparisons; rates and shares are fractions."""

    calibrations: Annotated[list[FileName], Field(min_length=1, max_length=16)]
    max_fmr: Annotated[float, Field(gt=0, le=0.01)]
    """Of all impostor comparisons of all groups, so many may score at `Band.admit` or above."""
    max_worst_group_fmr: Annotated[float, Field(gt=0, le=0.01)]
    """The same in the group where it is most."""
    sureness: Literal["measured", "upper"]
    """Whether the measured rates keep these limits, or the upper ends of their intervals do."""
    rare_holders: Annotated[float, Field(ge=0, le=0.5)]
    """Holders are rare below the score that so small a share of them misses."""
    accepted_referral_load: Rate


@dataclass(frozen=True, slots=True)
class Band:
    """At or above `admit` faces match; from `borderline` up an officer is asked (F09), below it too (F10)."""

    admit: float
    borderline: float
    holders_below: float
    """The share of genuine holders who score below `admit`: the referral load of this band."""


class Group(StrictModel):
    """How much a group's rates rest on: people, and compared pairs."""

    people: Count
    genuine: Count
    impostors: Count


class Point(StrictModel):
    """What a threshold at `score` does: rates as fractions, with the ends of their intervals."""

    score: Score
    fmr: Rate
    fmr_high: Rate
    worst_group: Text
    worst_fmr: Rate
    worst_fmr_low: Rate
    worst_fmr_high: Annotated[Rate, Field(gt=0)]
    fnmr: Rate
    fnmr_low: Rate
    fnmr_high: Rate
    genuine_share_below: Rate

    @model_validator(mode="after")
    def _intervals_hold_their_rates(self) -> Self:
        if not self.fmr <= self.fmr_high:
            raise ValueError(f"at {self.score}: fmr lies outside its interval")
        if not self.worst_fmr_low <= self.worst_fmr <= self.worst_fmr_high:
            raise ValueError(f"at {self.score}: worst_fmr lies outside its interval")
        if not self.fnmr_low <= self.fnmr <= self.fnmr_high:
            raise ValueError(f"at {self.score}: fnmr lies outside its interval")
        return self

    def keeps(self, limits: ComparisonRule) -> bool:
        if limits.sureness == "measured":
            return self.fmr <= limits.max_fmr and self.worst_fmr <= limits.max_worst_group_fmr
        return self.fmr_high <= limits.max_fmr and self.worst_fmr_high <= limits.max_worst_group_fmr


class _Matcher(StrictModel):
    name: Text
    sha256: Sha256
    preprocessing: Sha256
    arithmetic: Text
    """In which it ran (`models.runtime.bf16`), for people: `preprocessing` covers it."""


class _Network(StrictModel):
    role: Text
    name: Text
    sha256: Sha256


class _Made(StrictModel):
    date_utc: Text
    commit: dict[str, Any]
    libraries: dict[str, Any]
    cpu: str


class _Data(StrictModel):
    pairs: Text
    pairs_sha256: Sha256
    pictures: Count
    pictures_sha256: Sha256
    failures_to_acquire: Count


class Content(StrictModel):
    format: Literal["passenger-lane/calibration/1"]
    matcher: _Matcher
    networks: list[_Network]
    made: _Made
    data: Annotated[list[_Data], Field(min_length=1)]
    impostors: Text
    confidence: Annotated[float, Field(ge=0.9, lt=1)]
    groups: dict[Text, Group]
    points: Annotated[list[Point], Field(min_length=FEWEST_POINTS, max_length=2000)]

    @model_validator(mode="after")
    def _ascending_and_monotone(self) -> Self:
        for low, high in pairwise(self.points):
            if not low.score < high.score:
                raise ValueError(f"points must ascend: {high.score} comes after {low.score}")
            for name in ("fmr", "worst_fmr"):
                if not getattr(low, name) >= getattr(high, name):
                    raise ValueError(f"{name} must not rise with the score, as it does at {high.score}")
            for name in ("fnmr", "genuine_share_below"):
                if not getattr(low, name) <= getattr(high, name):
                    raise ValueError(f"{name} must not fall with the score, as it does at {high.score}")
        return self

    @model_validator(mode="after")
    def _rests_on_enough_strangers(self) -> Self:
        if self.points[0].fmr < 0.5:
            raise ValueError("points must begin where most strangers score, or the lowest are missing")
        for name in {point.worst_group for point in self.points}:
            group = self.groups.get(name)
            if group is None or group.people < FEWEST_PEOPLE or not group.impostors:
                raise ValueError(f"worst group {name} must be listed, with {FEWEST_PEOPLE} people or more")
        return self


@dataclass(frozen=True, eq=False)
class Calibration:
    """One matcher's calibration, and the SHA-256 of the file that it was read from."""

    file: str
    sha256: str
    content: Content

    @cached_property
    def matcher(self) -> MatcherIdentity:
        matcher = self.content.matcher
        return MatcherIdentity(matcher.name, matcher.sha256, matcher.preprocessing)

    def fits(self, identity: MatcherIdentity) -> bool:
        """Only the very matcher that was measured: name, weights, what shapes its input, arithmetic."""
        return identity == self.matcher

    def achieved_fmr(self, score: float) -> Measure:
        """The share of strangers, in the group where it is highest, who score this high or higher.

        A fraction in (0, 1]: that of the highest point at or below the score. 1 below all points; at the end
        of the scale, where no stranger is left, the upper end of the interval.
        """
        if not abs(score) < float("inf"):  # NaN compares false
            return NotAssessed("the score is not a finite number")
        scores, rates = self._rates
        at = bisect_right(scores, score)
        return Measured(rates[at - 1] if at else 1.0)

    @cached_property
    def _rates(self) -> tuple[list[float], list[float]]:
        """By point, its score, and the worst group's rate: never zero, and never rising with the score."""
        points = self.content.points
        scores = [point.score for point in points]
        rates = (point.worst_fmr or point.worst_fmr_high for point in points[:-1])
        return scores, list(accumulate((*rates, points[-1].worst_fmr_high), min))

    def band(self, limits: ComparisonRule) -> Band:
        """`admit` is the lowest point from which on every point keeps the limits. CalibrationError for none.

        `borderline` is the highest point that no more than the rare holders miss, and never above `admit`.
        """
        self._require_enough_pairs(limits)
        points = self.content.points
        failing = [number for number, point in enumerate(points) if not point.keeps(limits)]
        first = failing[-1] + 1 if failing else 0
        if first == len(points):
            raise CalibrationError(f"{self.file}: no score keeps {_describe_limits(limits)}")
        admit = points[first]
        common = [point.score for point in points if point.fnmr <= limits.rare_holders]
        borderline = min(admit.score, common[-1] if common else points[0].score)
        return Band(admit.score, borderline, admit.genuine_share_below)

    def _require_enough_pairs(self, limits: ComparisonRule) -> None:
        """Too few comparisons, in which a rate of the limit would not show once, prove nothing about it."""
        groups = self.content.groups.values()
        compared = sum(group.impostors for group in groups)
        in_a_group = max(group.impostors for group in groups if group.people >= FEWEST_PEOPLE)
        if compared * limits.max_fmr < 1 or in_a_group * limits.max_worst_group_fmr < 1:
            raise CalibrationError(
                f"{self.file}: {compared} pairs of strangers, {in_a_group} in the largest group, are too few "
                f"to show {_describe_limits(limits)}"
            )


def load(path: Path) -> Calibration:
    """Raises CalibrationError that says what is wrong in it."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise CalibrationError(f"{path} is larger than a calibration can be ({LARGEST_BYTES} bytes)")
    return parse(content, path.name)


def parse(content: bytes, name: str) -> Calibration:
    """The calibration in these bytes; `name` is what errors call it. Raises CalibrationError."""
    try:
        plain = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
        read = Content.model_validate(plain)
    except ValidationError as error:
        raise CalibrationError(f"{name}: {_first(error)}") from error
    except (ValueError, RecursionError, OverflowError) as error:
        raise CalibrationError(f"{name} is not a calibration: {error}") from error
    return Calibration(name, hashlib.sha256(content).hexdigest(), read)


def per_ten_thousand(share: float) -> int:
    """The rate in 10,000, rounded up: never shown as better than it is, and never as none."""
    return max(1, ceil(share * 10_000 - 1e-6))  # 0.0003 × 10,000 is a little more than 3


def _first(error: ValidationError) -> str:
    """Where the first fault lies and what it is; a garbled file may have thousands."""
    faults = error.errors(include_url=False, include_input=False)
    where = ".".join(str(part) for part in faults[0]["loc"]) or "file"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{where}: {faults[0]['msg']}{more}"


def _describe_limits(limits: ComparisonRule) -> str:
    said = "surely " if limits.sureness == "upper" else ""
    return f"FMR {said}≤ {limits.max_fmr:g}, and ≤ {limits.max_worst_group_fmr:g} in the worst group"


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one place")
    return found


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")
