"""What the measures look at: one face, brought to one size, once for all of them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.align import ARCFACE_112, align, inverse, similarity_transform
from models.face import Box, Face, ImageBGR, Landmarks, Mesh
from models.measurement import NotAssessed

Luminance = NDArray[np.float32]
"""H×W, 0 black to 255 white."""

NORMALISED = ARCFACE_112.enlarged(2)
"""224×224, eyes 70 px apart: pixels are judged at this size, whatever size the face had in its image."""

INNER_FACE = (slice(76, 208), slice(52, 172))
"""Rows and columns of the normalised face from above the brows to below the mouth, without background."""

WHOLE_SQUARE = (slice(0, NORMALISED.size), slice(0, NORMALISED.size))

MIN_SHOWN = 0.9
"""The part of the normalised square that must lie inside the image for its pixels to be judged."""

AT_THE_EDGE = NotAssessed("face at the edge of the image")


@dataclass(frozen=True, slots=True, eq=False)
class FaceView:
    """What the measures look at."""

    landmarks: Landmarks
    mesh: Mesh | None
    box: Box
    image_width: int
    image_height: int
    normalised: Luminance
    """The face on the `NORMALISED` layout."""
    square_shown: float
    """The part of that square that lies inside the image, 0 to 1."""
    face_shown: float
    """The part of its `INNER_FACE` that lies inside the image, 0 to 1."""

    @property
    def has_pixels(self) -> bool:
        """Whether enough of the square lies inside the image for its pixels to be judged."""
        return self.square_shown >= MIN_SHOWN


def face_view(image_bgr: ImageBGR, face: Face) -> FaceView:
    """The face at the size that measures are taken at; InferenceError if the landmarks span no face."""
    normalised = align(image_bgr, face.landmarks, NORMALISED).image_bgr
    height, width = image_bgr.shape[:2]
    return FaceView(
        face.landmarks,
        face.mesh,
        face.box_in_image,
        width,
        height,
        cv2.cvtColor(normalised, cv2.COLOR_BGR2GRAY).astype(np.float32),
        _shown_part(face.landmarks, WHOLE_SQUARE, width, height),
        _shown_part(face.landmarks, INNER_FACE, width, height),
    )


def _shown_part(landmarks: Landmarks, part: tuple[slice, slice], width: int, height: int) -> float:
    """How much of this part (rows, columns) of the normalised square the image covers, on 16×16 points."""
    to_square = similarity_transform(landmarks, NORMALISED.landmarks)
    down, across = (one.start + (np.arange(16) + 0.5) * (one.stop - one.start) / 16 for one in part)
    grid = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2).astype(np.float32)
    x, y = inverse(to_square, grid).T
    return float(((x >= 0) & (x < width) & (y >= 0) & (y < height)).mean())
