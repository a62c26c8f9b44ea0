"""A number or the reason why there is none; never None, never -1, never NaN."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A finite number, in the unit that the field's name says."""

    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"not a finite number: {self.value}")


@dataclass(frozen=True, slots=True)
class NotAssessed:
    """ISO/IEC 29794-5's failure to assess: an outcome of its own, not a low score."""

    reason: str


Measure = Measured | NotAssessed


def measured(value: float) -> Measure:
    """The value as a measure; NaN and infinity become *not assessed*."""
    value = float(value)
    return Measured(value) if math.isfinite(value) else NotAssessed("not a finite number")
