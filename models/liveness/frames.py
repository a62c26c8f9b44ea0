"""What cues look at: a face in a frame, and when; what several cues share of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.detect.align import ARCFACE_112, align
from models.errors import InferenceError
from models.values.face import Face, ImageBGR

Made = TypeVar("Made")
Points = NDArray[np.float64]
Plane = NDArray[np.float32]

NO_MOVEMENT = "the face did not move enough"

INNER = ARCFACE_112.enlarged(2)
"""224×224 on a face from brows to chin."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One frame of a capture with the passenger's face in it."""

    image_bgr: ImageBGR
    face: Face
    at_s: float
    """On a monotonic clock."""
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def eyes_apart_px(self) -> float:
        """Above 0 for every face that a detector found."""
        return float(np.linalg.norm(self.face.landmarks[0] - self.face.landmarks[1]))

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What was found in this look, made for the first who asks; it goes when the look does."""
        if name not in self._made:
            self._made[name] = make()
        made: Made = self._made[name]
        return made


def of_each(looks: Sequence[Look], name: str, value: Callable[[Look], Made]) -> list[Made]:
    """A cue's value of each look, kept with it: taken as looks come, it costs nothing at the end."""
    return [look.once(name, partial(value, look)) for look in looks]


def middle_of(values: Sequence[float], why: str) -> float:
    """The median; InferenceError that says why, where there is none."""
    if not values:
        raise InferenceError(why)
    return float(np.median(values))


def middle_of_each(looks: Sequence[Look], name: str, value: Callable[[Look], float]) -> float:
    """The median of what `of_each` gives."""
    return middle_of(of_each(looks, name, value), "no look at a face")


def inner(look: Look) -> ImageBGR:
    """224×224 of the face itself. InferenceError for no face."""
    return look.once("inner", lambda: align(look.image_bgr, look.face.landmarks, INNER).image_bgr)
