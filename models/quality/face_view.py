"""One face brought to one size, and what measures find on it: where it looks, its skin, cheeks, eyes, mouth.

Eyes and mouth stand out by their contrast: where something covers them, it is gone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detect.align import ARCFACE_112, Similarity, align, inverse, similarity_transform
from models.detect.face_mesh import (
    LEFT_EYE_CORNERS,
    MOUTH_CORNERS,
    NO_FACE,
    RIGHT_EYE_CORNERS,
    Points,
    five_in_space,
)
from models.errors import InferenceError
from models.quality.colour_space import Colour, lab, luminance
from models.values.face import Face, ImageBGR, Landmarks, Mesh

Direction: TypeAlias = tuple[float, float, float]
"""Of length 1: x to the image's right, y down, z away from the camera."""
Grey: TypeAlias = NDArray[np.uint8]

NORMALISED = ARCFACE_112.enlarged(2)
"""224×224, eyes 70 px apart: pixels are judged at this size, whatever size the face had in its image."""
SMALL = ARCFACE_112
"""112×112, the same averaged down: enough where parts of a face are judged as a whole."""
INNER_FACE = (slice(76, 208), slice(52, 172))
"""Rows and columns of the normalised face from above the brows to below the mouth, without background."""
WHOLE_SQUARE = (slice(0, NORMALISED.size), slice(0, NORMALISED.size))

MIN_SHOWN = 0.9
"""The part of the normalised square that must lie inside the image for its pixels to be judged."""
FEWEST_FACE_PIXELS = 500
"""Of the small picture that the region from brows to chin must have; a whole one has about 6,000."""
FEWEST_PART_PIXELS = 12
"""Of an eye or the mouth, for its contrast."""
CHEEK = 0.3
"""Side of a cheek's square over the distance of the eyes, as the standard has it."""
EYE_MARGIN = float(np.linalg.norm(SMALL.landmarks[1] - SMALL.landmarks[0])) / 20
"""ISO/IEC 39794-5: the eye visibility zone."""
GREY = (0.114, 0.587, 0.299)
"""Weights of blue, green and red in a grey value."""
AT_THE_EDGE = "face at the edge of the image"

# Five points of MediaPipe's canonical face model, in cm: right eye, left eye (means of their corners),
# nose tip, mouth corners. x to the image's right, y down, z away from the camera.
MODEL_POINTS = np.array(
    [
        [-3.151, -2.625, -3.466],
        [3.151, -2.625, -3.466],
        [0.0, 1.127, -7.476],
        [-2.456, 4.343, -4.284],
        [2.456, 4.343, -4.284],
    ]
)
_MODEL = MODEL_POINTS - MODEL_POINTS.mean(0)

# Numbers of points in the same model; right and left are the person's own.
JAW = (
    *(356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127),
)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
BROWS_TO_CHIN = np.array([*JAW, *BROWS])
"""The standard's *landmarked region* is their hull."""
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


@dataclass(frozen=True, slots=True)
class Features:
    """Contrasts from 0, nothing there, to 1."""

    right_eye: float
    left_eye: float
    mouth: float


@dataclass(frozen=True, eq=False)
class FaceView:
    """What several measures need is found once, when asked; InferenceError says why it cannot be found."""

    image_bgr: ImageBGR
    face: Face
    normalised_bgr: ImageBGR
    """The face on the `NORMALISED` layout."""
    to_normalised: Similarity
    square_shown: float
    """The part of that square that lies inside the image, 0 to 1."""
    face_shown: float
    """The part of its `INNER_FACE` that lies inside the image, 0 to 1."""

    @property
    def image_height(self) -> int:
        return int(self.image_bgr.shape[0])

    @property
    def image_width(self) -> int:
        return int(self.image_bgr.shape[1])

    @cached_property
    def eyes(self) -> tuple[list[float], list[float]]:
        """The person's right and left eye, x and y in pixels of the image."""
        right, left = self.face.landmarks[:2].tolist()
        return right, left

    @cached_property
    def grey(self) -> Grey:
        """Grey values of the normalised face, 0 black to 255 white."""
        self._must_be_shown()
        return np.asarray(cv2.cvtColor(self.normalised_bgr, cv2.COLOR_BGR2GRAY), np.uint8)

    def _must_be_shown(self) -> None:
        """InferenceError unless enough of the square lies inside the image for its pixels to be judged."""
        if not self.square_shown >= MIN_SHOWN:  # NaN compares false
            raise InferenceError(AT_THE_EDGE)

    @cached_property
    def small_bgr(self) -> ImageBGR:
        """The face on the `SMALL` layout."""
        size = (SMALL.size, SMALL.size)
        return np.asarray(cv2.resize(self.normalised_bgr, size, interpolation=cv2.INTER_AREA), np.uint8)

    @property
    def found_mesh(self) -> Mesh:
        """The mesh; InferenceError where no network saw one."""
        if self.face.mesh is None:
            raise InferenceError("no mesh")
        return self.face.mesh

    @cached_property
    def facing(self) -> Direction:
        """Where the face looks; InferenceError for a mesh that spans no face."""
        mesh = self.face.mesh
        return _by_landmarks(self.face.landmarks) if mesh is None else _in_space(five_in_space(mesh))

    @cached_property
    def points(self) -> Points:
        """The mesh's x and y in pixels of the normalised face."""
        self._must_be_shown()
        in_image = self.found_mesh.points_in_image[None, :, :2].astype(np.float64)
        points = cv2.transform(in_image, self.to_normalised)[0]
        if not np.abs(points).max() < 10 * NORMALISED.size:  # NaN compares false
            raise InferenceError(NO_FACE)
        return np.asarray(points, np.float32)

    @cached_property
    def small_points(self) -> Points:
        """The mesh's x and y in pixels of the small picture."""
        return np.asarray((self.points - 0.5) / 2, np.float32)  # pixel centres: (x + 0.5) / 2 - 0.5

    @cached_property
    def light(self) -> NDArray[np.float64]:
        """The part of the face, from brows to chin, that has each of the 256 luminances."""
        mask = self._hull(BROWS_TO_CHIN)
        counts = cv2.calcHist([luminance(self.small_bgr)], [0], mask, [256], [0, 256])
        total = float(counts.sum())
        if total < FEWEST_FACE_PIXELS:
            raise InferenceError(NO_FACE)
        return counts.ravel().astype(np.float64) / total

    def _hull(self, numbers: NDArray[np.intp]) -> Grey:
        """1 inside the hull of these points, as far as the small picture shows it."""
        mask = np.zeros((SMALL.size, SMALL.size), np.uint8)
        pixels = np.rint(self.small_points[numbers]).astype(np.int32)
        cv2.fillConvexPoly(mask, cv2.convexHull(pixels), (1,))
        return mask

    @cached_property
    def cheeks_bgr(self) -> tuple[ImageBGR, ImageBGR]:
        """The standard's zones of the right and the left cheek, of the normalised face.

        Squares half-way down from the eyes to the mouth, below the outer half of each eye.
        """
        right, left, mouth = (_middle(*pair) for pair in self.points[CORNERS].tolist())
        side = int(CHEEK * math.dist(right, left))
        down = math.dist(_middle(right, left), mouth) / 2
        zones = (
            _square(self.normalised_bgr, right[0] - side, right[1] + down, side),
            _square(self.normalised_bgr, left[0], left[1] + down, side),
        )
        if side <= 0 or any(zone.shape[:2] != (side, side) for zone in zones):
            raise InferenceError(NO_FACE)
        return zones

    @cached_property
    def cheeks_colour(self) -> Colour:
        """The mean of both squares."""
        (blue, green, red, _), left = (cv2.mean(zone) for zone in self.cheeks_bgr)
        return (blue + left[0]) / 2, (green + left[1]) / 2, (red + left[2]) / 2

    @cached_property
    def skin(self) -> list[tuple[float, float]]:
        """a* and b* (CIELAB) of the mean colours of `SKIN`."""
        masks = [self._hull(numbers) for numbers in SKIN]
        if not all(cv2.countNonZero(mask) for mask in masks):
            raise InferenceError(NO_FACE)
        means = (cv2.mean(self.small_bgr, mask) for mask in masks)
        return [lab((blue, green, red))[1:] for blue, green, red, _ in means]

    @cached_property
    def features(self) -> Features:
        """How far eyes and mouth stand out."""
        grey = np.asarray(cv2.cvtColor(self.small_bgr, cv2.COLOR_BGR2GRAY), np.uint8)
        cheeks = sum(weight * one for weight, one in zip(GREY, self.cheeks_colour, strict=True))
        eyes = [_around(grey, self.small_points[numbers], EYE_MARGIN) for numbers in (RIGHT_EYE, LEFT_EYE)]
        mouth = _around(grey, self.small_points[LIPS], 0)
        if min(mouth.size, *(eye.size for eye in eyes)) < FEWEST_PART_PIXELS:
            raise InferenceError(NO_FACE)
        right, left = (_eye_contrast(eye, cheeks) for eye in eyes)
        return Features(right, left, _mouth_contrast(mouth))


def face_view(image_bgr: ImageBGR, face: Face) -> FaceView:
    """The face at the size that measures are taken at; InferenceError if the landmarks span no face."""
    to_normalised = similarity_transform(face.landmarks, NORMALISED.landmarks)
    height, width = image_bgr.shape[:2]
    square_shown = face_shown = 1.0
    if not _all_within(to_normalised, width, height):
        square_shown = _shown_part(to_normalised, WHOLE_SQUARE, width, height)
        face_shown = _shown_part(to_normalised, INNER_FACE, width, height)
    normalised = align(image_bgr, face.landmarks, NORMALISED).image_bgr
    return FaceView(image_bgr, face, normalised, to_normalised, square_shown, face_shown)


def _shown_part(to_square: Similarity, part: tuple[slice, slice], width: int, height: int) -> float:
    """How much of this part (rows, columns) of the normalised square the image covers, on 16×16 points."""
    down, across = (one.start + (np.arange(16) + 0.5) * (one.stop - one.start) / 16 for one in part)
    grid = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2).astype(np.float32)
    x, y = inverse(to_square, grid).T
    return float(((x >= 0) & (x < width) & (y >= 0) & (y < height)).mean())


def _all_within(to_square: Similarity, width: int, height: int) -> bool:
    """Whether the corners of the normalised square lie inside the image, and with them all of it."""
    (cos, _, right), (sin, _, down) = to_square.tolist()
    corners = [complex(x, y) for x in (0, NORMALISED.size) for y in (0, NORMALISED.size)]
    in_image = [(corner - complex(right, down)) / complex(cos, sin) for corner in corners]
    return all(0 <= one.real < width and 0 <= one.imag < height for one in in_image)


def _in_space(points: Points) -> Direction:
    """By the turn that brings the model nearest to five points in space (Kabsch, 1976)."""
    seen = points.astype(np.float64) - points.sum(0) / len(points)
    if not np.vdot(seen, seen) > 1e-6:  # NaN compares false
        raise InferenceError(NO_FACE)
    _, left, right = cv2.SVDecomp(_MODEL.T @ seen)
    turn = left @ right
    if cv2.determinant(turn) < 0:  # a mirror image
        left[:, 2] *= -1
        turn = left @ right
    x, y, z = turn[2].tolist()
    return -x, -y, -z


def _by_landmarks(landmarks: Landmarks) -> Direction:
    """Weak perspective: the 2×3 matrix that projects the model onto the landmarks, with orthonormal rows."""
    points = landmarks - landmarks.mean(0)
    projection = np.linalg.lstsq(_MODEL, points.astype(np.float64), rcond=None)[0].T
    left, _, right = np.linalg.svd(projection, full_matrices=False)
    rows = left @ right
    x, y, z = -np.array([rows[0, 2], rows[1, 2], np.cross(rows[0], rows[1])[2]])
    return float(x), float(y), float(z)


def _around(picture: Grey, points: Points, margin: float) -> Grey:
    """The upright rectangle around these points and a margin, as far as the picture shows it."""
    across, down = points.T.tolist()
    left, top = (max(0, math.floor(min(one) - margin)) for one in (across, down))
    right, bottom = (max(0, math.ceil(max(one) + margin)) for one in (across, down))
    return picture[top : bottom + 1, left : right + 1]


def _middle(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _square(picture: ImageBGR, left: float, top: float, side: int) -> ImageBGR:
    x, y = max(0, int(left)), max(0, int(top))
    return picture[y : y + side, x : x + side]


def _eye_contrast(zone: Grey, cheeks: float) -> float:
    """From the pupil's dark to the brightest, over that or the cheeks' grey, whichever is brighter.

    An eye's white is about as bright as the cheeks; a dark glass is dark throughout.
    """
    values = sorted(zone.tobytes())
    dark, bright = values[len(values) // 20], values[-1 - len(values) // 20]
    return (bright - dark) / max(bright, cheeks, 1.0)


def _mouth_contrast(zone: Grey) -> float:
    """From the darkest row to the brightest: lips and the line between them lie across, folds do not."""
    rows: list[float] = [sum(row) / len(row) for row in zone.tolist()]
    return (max(rows) - min(rows)) / max(*rows, 1.0)
