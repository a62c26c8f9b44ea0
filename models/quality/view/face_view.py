from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.align import ARCFACE_112, Similarity, align, inverse, similarity_transform
from models.detect.face_mesh import NO_FACE, Points
from models.errors import InferenceError
from models.quality.view import regions
from models.quality.view.colour_space import Colour, lab, luminance
from models.quality.view.direction import Direction, facing
from models.quality.view.regions import Features, Pixels
from models.values.face import Box, Face, ImageBGR, Landmarks, Mesh

NORMALISED = ARCFACE_112.enlarged(2)
"""224×224, eyes 70 px apart: pixels are judged at this size, whatever size the face had in its image."""

SMALL = ARCFACE_112
"""112×112, the same averaged down: enough where parts of a face are judged as a whole."""

_EYES_APART = float(np.linalg.norm(SMALL.landmarks[1] - SMALL.landmarks[0]))

INNER_FACE = (slice(76, 208), slice(52, 172))
"""Rows and columns of the normalised face from above the brows to below the mouth, without background."""

WHOLE_SQUARE = (slice(0, NORMALISED.size), slice(0, NORMALISED.size))

MIN_SHOWN = 0.9
"""The part of the normalised square that must lie inside the image for its pixels to be judged."""
FEWEST_PIXELS = 500
"""Of the small picture that the region from brows to chin must have; a whole one has about 6,000."""

GREY = (0.114, 0.587, 0.299)
"""Weights of blue, green and red in a grey value."""

AT_THE_EDGE = "face at the edge of the image"


@dataclass(frozen=True, eq=False)
class FaceView:
    """What the measures look at: one face, brought to one size. What several need is found once, when asked.

    InferenceError says why something cannot be found.
    """

    image_bgr: ImageBGR
    landmarks: Landmarks
    mesh: Mesh | None
    box: Box
    normalised_bgr: ImageBGR
    """The face on the `NORMALISED` layout."""
    to_normalised: Similarity
    square_shown: float
    """The part of that square that lies inside the image, 0 to 1."""
    face_shown: float
    """The part of its `INNER_FACE` that lies inside the image, 0 to 1."""

    @property
    def image_width(self) -> int:
        return int(self.image_bgr.shape[1])

    @property
    def image_height(self) -> int:
        return int(self.image_bgr.shape[0])

    @cached_property
    def eyes(self) -> tuple[list[float], list[float]]:
        """The person's right and left eye, x and y in pixels of the image."""
        right, left = self.landmarks[:2].tolist()
        return right, left

    @cached_property
    def grey(self) -> NDArray[np.uint8]:
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
        if self.mesh is None:
            raise InferenceError("no mesh")
        return self.mesh

    @cached_property
    def facing(self) -> Direction:
        """Where the face looks."""
        return facing(self.landmarks, self.mesh)

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
    def small_pixels(self) -> Pixels:
        """The same, rounded to whole pixels."""
        return np.rint(self.small_points).astype(np.int32)

    @cached_property
    def light(self) -> NDArray[np.float64]:
        """The part of the face, from brows to chin, that has each of the 256 luminances."""
        mask = regions.brows_to_chin(self.small_pixels, SMALL.size)
        counts = cv2.calcHist([luminance(self.small_bgr)], [0], mask, [256], [0, 256])
        total = float(counts.sum())
        if total < FEWEST_PIXELS:
            raise InferenceError(NO_FACE)
        return counts.ravel().astype(np.float64) / total

    @cached_property
    def cheeks_bgr(self) -> tuple[ImageBGR, ImageBGR]:
        """Squares of the right and the left cheek, of the normalised face."""
        return regions.cheeks(self.normalised_bgr, self.points)

    @cached_property
    def cheeks_colour(self) -> Colour:
        """The mean of both squares."""
        (blue, green, red, _), left = (cv2.mean(zone) for zone in self.cheeks_bgr)
        return (blue + left[0]) / 2, (green + left[1]) / 2, (red + left[2]) / 2

    @cached_property
    def skin(self) -> list[tuple[float, float]]:
        """a* and b* (CIELAB) of both cheeks, nose and chin."""
        return [lab(one)[1:] for one in regions.skin(self.small_bgr, self.small_pixels)]

    @cached_property
    def features(self) -> Features:
        """How far eyes and mouth stand out."""
        grey = cv2.cvtColor(self.small_bgr, cv2.COLOR_BGR2GRAY)
        cheeks = sum(weight * one for weight, one in zip(GREY, self.cheeks_colour, strict=True))
        return regions.features(np.asarray(grey, np.uint8), self.small_points, cheeks, _EYES_APART)


def face_view(image_bgr: ImageBGR, face: Face) -> FaceView:
    """The face at the size that measures are taken at; InferenceError if the landmarks span no face."""
    to_normalised = similarity_transform(face.landmarks, NORMALISED.landmarks)
    height, width = image_bgr.shape[:2]
    square_shown = face_shown = 1.0
    if not _all_within(to_normalised, width, height):
        square_shown = _shown_part(to_normalised, WHOLE_SQUARE, width, height)
        face_shown = _shown_part(to_normalised, INNER_FACE, width, height)
    return FaceView(
        image_bgr,
        face.landmarks,
        face.mesh,
        face.box_in_image,
        align(image_bgr, face.landmarks, NORMALISED).image_bgr,
        to_normalised,
        square_shown,
        face_shown,
    )


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
