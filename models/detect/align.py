"""Turn and scale a face onto a matcher's layout. Geometry only, knows no network."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.catalogue.spec import NetworkSpec
from models.errors import CatalogueError, InferenceError
from models.values.face import AlignedFace, ImageBGR, Landmarks

Similarity = NDArray[np.float64]
"""2×3: turns, scales and moves (x, y, 1); never shears or mirrors."""


MOST_SAMPLED_DOWN = 2
"""A face that shrinks by more is averaged down first."""
FARTHEST_PX = 1e6
"""Landmarks farther off lie in no picture (`models.image` reads sides up to 30,000 px)."""
LEAST_SCALE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the five landmarks belong in a square crop."""

    name: str
    size: int
    landmarks: Landmarks

    def enlarged(self, factor: int) -> "Layout":
        """The same framing with `factor` times as many pixels along each side."""
        landmarks = ((self.landmarks + 0.5) * factor - 0.5).astype(np.float32)
        return Layout(f"{self.name}x{factor}", self.size * factor, landmarks)


ARCFACE_112 = Layout(
    "arcface-112",
    112,
    # ArcFace's reference points (Deng et al., 2019), which SFace was trained with
    np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
        np.float32,
    ),
)


def layout_of(matcher: NetworkSpec) -> Layout:
    """The layout that the catalogue names for this matcher; CatalogueError for another network."""
    if (layout := matcher.layout) is None:
        raise CatalogueError(f"{matcher.name} is no matcher and has no layout")
    return Layout(layout.name, layout.size, np.array(layout.landmarks, np.float32))


def align(image_bgr: ImageBGR, landmarks: Landmarks, layout: Layout) -> AlignedFace:
    """The face on the layout, black where the image ends. InferenceError if the landmarks give no scale.

    A face that shrinks much is averaged down first: plain bilinear sampling would skip pixels, and aliasing
    costs accuracy.
    """
    to_layout = similarity_transform(landmarks, layout.landmarks)
    return AlignedFace(crop_by(image_bgr, to_layout, layout.size), layout.name)


def crop_by(image_bgr: ImageBGR, to_crop: Similarity, size: int) -> ImageBGR:
    """The square crop with so many pixels along each side, black where the image ends."""
    shrink = 1 / float(np.hypot(to_crop[0, 0], to_crop[1, 0]))
    if shrink > MOST_SAMPLED_DOWN:
        image_bgr, to_crop = _averaged_down(image_bgr, to_crop, size, shrink)
    return _sampled(image_bgr, to_crop, size)


def similarity_transform(source: Landmarks, target: Landmarks) -> Similarity:
    """The similarity that brings `source` nearest to `target` in the least-squares sense (Umeyama, 1991).

    InferenceError for points that are not finite, out of reach, all in one place, or unlike `target` however
    they are turned.
    """
    if not np.abs(source).max() <= FARTHEST_PX:  # NaN compares false
        raise InferenceError("landmarks do not span a face: not finite, or in no picture")
    points, places = _complex(source), _complex(target)
    centre, middle = complex(points.mean()), complex(places.mean())
    from_centre, to_centre = points - centre, places - middle
    variance = np.vdot(from_centre, from_centre).real
    if variance < 1e-6:
        raise InferenceError("landmarks do not span a face")
    # In two dimensions the best turn is one complex number: no decomposition, no reflection to exclude.
    turn = complex(np.vdot(from_centre, to_centre)) / variance
    if abs(turn) < LEAST_SCALE:
        raise InferenceError("landmarks do not span a face")
    move = middle - turn * centre
    return np.array([[turn.real, -turn.imag, move.real], [turn.imag, turn.real, move.imag]])


def inverse(similarity: Similarity, points: Landmarks) -> Landmarks:
    """The points that `similarity` brings to `points`."""
    (cos, _, right), (sin, _, down) = similarity.tolist()
    moved = (_complex(points) - complex(right, down)) / complex(cos, sin)
    return moved.view(np.float64).reshape(-1, 2).astype(np.float32)


def _complex(points: Landmarks) -> NDArray[np.complex128]:
    """N×2 as N numbers x + iy."""
    return np.ascontiguousarray(points, np.float64).view(np.complex128)[:, 0]


def _sampled(image_bgr: ImageBGR, to_layout: Similarity, size: int) -> ImageBGR:
    """The square crop, bilinear.

    OpenCV samples four channels in 0.4 of the time that three take, with the same bits: a fourth is added,
    where the crop shows the image and nowhere else.
    """
    height, width = image_bgr.shape[:2]
    rows, columns = _shown_part(image_bgr, to_layout, size, margin=2)
    four = np.empty((height, width, 4), np.uint8)
    if rows.start < rows.stop and columns.start < columns.stop:
        cv2.cvtColor(image_bgr[rows, columns], cv2.COLOR_BGR2BGRA, dst=four[rows, columns])
    crop = cv2.warpAffine(four, to_layout, (size, size), flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGRA2BGR), np.uint8)


def _averaged_down(
    image_bgr: ImageBGR, to_layout: Similarity, size: int, shrink: float
) -> tuple[ImageBGR, Similarity]:
    """The part of the image that the crop shows, averaged down until a factor below 2 remains.

    By squares of whole pixels: with parts of pixels OpenCV takes 3 to 17 times as long. A picture with a side
    shorter than the factor is left as it is: there is no face on it.
    """
    height, width = image_bgr.shape[:2]
    rows, columns = _shown_part(image_bgr, to_layout, size, margin=int(2 * shrink) + 1)
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return image_bgr, to_layout
    factor = int(shrink)
    rows, columns = _whole_blocks(rows, factor, height), _whole_blocks(columns, factor, width)
    part = image_bgr[rows, columns]
    small_size = (part.shape[1] // factor, part.shape[0] // factor)
    if 0 in small_size:
        return image_bgr, to_layout
    small = np.asarray(cv2.resize(part, small_size, interpolation=cv2.INTER_AREA), np.uint8)
    # Pixel centres: x = (x_small + 0.5) * factor - 0.5 + left
    middle = (factor - 1) / 2
    to_image = np.array([[factor, 0, middle + columns.start], [0, factor, middle + rows.start], [0, 0, 1.0]])
    return small, to_layout @ to_image


def _whole_blocks(part: slice, factor: int, side: int) -> slice:
    """This part of a side in blocks of so many pixels: a little more, or less where the side is too short."""
    length = min(-(-(part.stop - part.start) // factor), side // factor) * factor
    start = min(part.start, side - length)
    return slice(start, start + length)


def _shown_part(image_bgr: ImageBGR, to_layout: Similarity, size: int, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the image that the square crop shows, with a margin."""
    (a, b, right), (c, d, down) = to_layout.tolist()
    area = a * d - b * c
    corners = [(x - right, y - down) for x in (0, size) for y in (0, size)]
    across = [(d * x - b * y) / area for x, y in corners]
    along = [(a * y - c * x) / area for x, y in corners]
    height, width = image_bgr.shape[:2]
    return _whole_pixels(along, margin, height), _whole_pixels(across, margin, width)


def _whole_pixels(places: list[float], margin: int, side: int) -> slice:
    """Of a side, from the first place to the last; what is whole but for a double's last digits is whole."""
    first, last = (float(np.float32(one)) for one in (min(places), max(places)))
    return slice(max(0, math.floor(first) - margin), min(side, math.ceil(last) + margin))
