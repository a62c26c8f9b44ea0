"""Where on a face its skin, cheeks, eyes and mouth are, by numbers of the mesh's points.

Eyes and mouth stand out by their contrast: where something covers them, it is gone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detect.face_mesh import LEFT_EYE_CORNERS, MOUTH_CORNERS, NO_FACE, RIGHT_EYE_CORNERS, Points
from models.errors import InferenceError
from models.values.face import ImageBGR

Mask: TypeAlias = NDArray[np.uint8]
"""H×W, 1 inside."""
Pixels: TypeAlias = NDArray[np.int32]
"""Points of a mesh, rounded."""

# Numbers of points in MediaPipe's canonical face model; right and left are the person's own.
JAW = (
    *(356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127),
)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
BROWS_TO_CHIN = np.array([*JAW, *BROWS])
RIGHT_EYE = np.array([33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246])
LEFT_EYE = np.array([263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466])
LIPS = np.array([61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185])

SKIN = (
    np.array([117, 118, 101, 36, 205, 187, 123, 116, 50]),
    np.array([346, 347, 330, 266, 425, 411, 352, 345, 280]),
    np.array([6, 122, 196, 236, 134, 220, 45, 4, 275, 440, 363, 456, 419, 351]),
    np.array([201, 200, 421, 418, 262, 428, 199, 208, 32, 194]),
)
"""Right and left cheek, nose and chin, each the hull of these points."""

CORNERS = np.array([RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS, MOUTH_CORNERS])

FEWEST_PIXELS = 12
"""Of an eye or the mouth, for its contrast."""
ZONE = 0.3
"""Side of a cheek's square over the distance of the eyes, as the standard has it."""


def brows_to_chin(pixels: Pixels, size: int) -> Mask:
    """The standard's *landmarked region*: the hull of brows and jaw, as far as a square picture shows it."""
    return _hull(pixels[BROWS_TO_CHIN], size)


def skin(picture_bgr: ImageBGR, pixels: Pixels) -> list[tuple[float, float, float]]:
    """The mean colours of `SKIN`, blue first; InferenceError where one is not in the square picture."""
    masks = [_hull(pixels[numbers], picture_bgr.shape[0]) for numbers in SKIN]
    if not all(cv2.countNonZero(mask) for mask in masks):
        raise InferenceError(NO_FACE)
    means = (cv2.mean(picture_bgr, mask) for mask in masks)
    return [(blue, green, red) for blue, green, red, _ in means]


def _hull(pixels: Pixels, size: int) -> Mask:
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(pixels), (1,))
    return mask


def _around(picture: NDArray[np.uint8], points: Points, margin: float) -> NDArray[np.uint8]:
    """The upright rectangle around these points and a margin, as far as the picture shows it."""
    across, down = points.T.tolist()
    left, top = (max(0, math.floor(min(one) - margin)) for one in (across, down))
    right, bottom = (max(0, math.ceil(max(one) + margin)) for one in (across, down))
    return picture[top : bottom + 1, left : right + 1]


def cheeks(picture_bgr: ImageBGR, points: Points) -> tuple[ImageBGR, ImageBGR]:
    """The standard's zones of the right and the left cheek; InferenceError where they are not in the picture.

    Squares half-way down from the eyes to the mouth, below the outer half of each eye.
    """
    right, left, mouth = (_middle(*pair) for pair in points[CORNERS].tolist())
    side = int(ZONE * math.dist(right, left))
    down = math.dist(_middle(right, left), mouth) / 2
    zones = (
        _square(picture_bgr, right[0] - side, right[1] + down, side),
        _square(picture_bgr, left[0], left[1] + down, side),
    )
    if side <= 0 or any(zone.shape[:2] != (side, side) for zone in zones):
        raise InferenceError(NO_FACE)
    return zones


def _middle(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _square(picture: ImageBGR, left: float, top: float, side: int) -> ImageBGR:
    x, y = max(0, int(left)), max(0, int(top))
    return picture[y : y + side, x : x + side]


@dataclass(frozen=True, slots=True)
class Features:
    """Contrasts from 0, nothing there, to 1."""

    right_eye: float
    left_eye: float
    mouth: float

    @property
    def eyes(self) -> float:
        """Of the eye that is seen less."""
        return min(self.right_eye, self.left_eye)


def features(grey: NDArray[np.uint8], points: Points, cheeks: float, eyes_apart: float) -> Features:
    """Of a picture whose cheeks have this mean grey value; InferenceError where eyes or mouth are cut off."""
    margin = eyes_apart / 20  # ISO/IEC 39794-5: the eye visibility zone
    eyes = [_around(grey, points[numbers], margin) for numbers in (RIGHT_EYE, LEFT_EYE)]
    mouth = _around(grey, points[LIPS], 0)
    if min(mouth.size, *(eye.size for eye in eyes)) < FEWEST_PIXELS:
        raise InferenceError(NO_FACE)
    right, left = (_eye_contrast(eye, cheeks) for eye in eyes)
    return Features(right, left, _mouth_contrast(mouth))


def _eye_contrast(zone: NDArray[np.uint8], cheeks: float) -> float:
    """From the pupil's dark to the brightest, over that or the cheeks' grey, whichever is brighter.

    An eye's white is about as bright as the cheeks; a dark glass is dark throughout.
    """
    values = sorted(zone.tobytes())
    dark, bright = values[len(values) // 20], values[-1 - len(values) // 20]
    return (bright - dark) / max(bright, cheeks, 1.0)


def _mouth_contrast(zone: NDArray[np.uint8]) -> float:
    """From the darkest row to the brightest: lips and the line between them lie across, folds do not."""
    rows: list[float] = [sum(row) / len(row) for row in zone.tolist()]
    return (max(rows) - min(rows)) / max(*rows, 1.0)
