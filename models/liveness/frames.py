"""What cues look at: a face in a frame, and when; what several cues share of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from models.align import ARCFACE_112, Layout, Similarity, align, similarity_transform
from models.detect.face_mesh import mean_shape
from models.values.face import Face, ImageBGR
from models.values.measurement import Measure, NotAssessed, measured

Made = TypeVar("Made")
Points = NDArray[np.float64]
Plane = NDArray[np.float32]

NO_MESH = NotAssessed("no mesh in two looks")
NO_MOVEMENT = NotAssessed("the face did not move enough")

_EYES = 32
_SCALE = _EYES / float(np.linalg.norm(ARCFACE_112.landmarks[0] - ARCFACE_112.landmarks[1]))
_MIDDLE = (ARCFACE_112.landmarks[0] + ARCFACE_112.landmarks[1]) / 2
AROUND = Layout("around-192", 192, ((ARCFACE_112.landmarks - _MIDDLE) * _SCALE + [96, 88]).astype(np.float32))
"""192×192 around a face, eyes 32 px apart and their middle at (96, 88): three eye distances to each side."""
FROM_HEAD: Plane = np.hypot(
    *[
        (axis - middle) / half
        for axis, middle, half in zip(np.mgrid[:192, :192], (98, 96), (40, 32), strict=True)
    ]
).astype(np.float32)
"""Of `AROUND`: how far from the head's middle, where 1 is about its outline."""
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


def inner_points(look: Look) -> Points | None:
    """n×3: the mesh's points from brows to lips, in eye distances; None without a mesh."""
    if look.face.mesh is None or not look.eyes_apart_px > 0:  # NaN compares false
        return None
    numbers, _ = mean_shape()
    return look.face.mesh.points_in_image[numbers].astype(np.float64) / look.eyes_apart_px


def meshes(looks: Sequence[Look]) -> list[Points]:
    """The inner points of the looks that have a mesh."""
    return [points for look in looks if (points := inner_points(look)) is not None]


def of_each(looks: Sequence[Look], name: str, value: Callable[[Look], Made]) -> list[Made]:
    """A cue's value of each look, kept with it: taken as looks come, it costs nothing at the end."""
    return [look.once(name, partial(value, look)) for look in looks]


def middle_of(values: Sequence[float], why: NotAssessed) -> Measure:
    """The median, or why there is none."""
    return measured(float(np.median(values))) if values else why


def moved(before: Look, after: Look) -> Similarity:
    """2×3: what turns, scales and shifts pixels of `before` as the face went. InferenceError for no face."""
    return similarity_transform(before.face.landmarks, after.face.landmarks)


def around(look: Look, place: Look | None = None) -> Plane:
    """192×192 grey levels around the face of `look`, or where that of `place` was. InferenceError else."""
    if place is None or place is look:
        return look.once("around", lambda: _around(look, look))
    return _around(look, place)


def _around(look: Look, place: Look) -> Plane:
    crop = align(look.image_bgr, place.face.landmarks, AROUND).image_bgr
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.float32)


def inner(look: Look) -> ImageBGR:
    """224×224 of the face itself. InferenceError for no face."""
    return look.once("inner", lambda: align(look.image_bgr, look.face.landmarks, INNER).image_bgr)


def rest(source: Points, target: Points, fitted: Points) -> Points:
    """What a linear fit by these columns leaves of the way from `source` to `target`: n×2."""
    way = target[:, :2] - source[:, :2]
    return np.asarray(way - fitted @ np.linalg.lstsq(fitted, way, rcond=None)[0])


def following(looks: Sequence[Look]) -> list[tuple[Look, Look]]:
    """Each look with the next."""
    return list(pairwise(looks))


NOTHING = NotAssessed("no look at a face")
