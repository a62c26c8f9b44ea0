"""Faces and landmarks in an image: two scales to find every face, a close-up to place its landmarks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.catalogue.spec import NetworkSpec
from models.detect.align import ARCFACE_112, Layout, crop_by, inverse, similarity_transform
from models.errors import InferenceError
from models.runtime.session import Session, Tensor, to_tensor
from models.values.face import Box, Face, ImageBGR, Landmarks

STRIDES = (8, 16, 32)
Canvas = tuple[int, int]
"""Width and height that the network is fed."""

Found = NDArray[np.float32]
"""N×15, best first: x, y, width, height, five (x, y) landmarks, score."""

# YuNet was trained for faces of 10 to 300 px. Between these two sizes (longer side, at full scale) both
# scales answer and the better score stays; outside, only the scale that sees the face in its range does.
SMALLEST_AT_HALF_SCALE_PX = 160
LARGEST_AT_FULL_SCALE_PX = 400

# Each cell over a face has its own opinion on the landmarks, and they differ most where the face is small.
# Looking again at the face upright and with the eyes 84 px apart, and taking the mean of all cells, brought
# false non-matches at FMR 1e-3 in the worst group from 9.0 to 3.4 % (mean of five groups of East Asian faces,
# benchmarks/results/2026-11-25-xeon-2core-ingredients-asian.json).
CLOSE_UP_EYES_PX = 84
CLOSE_UP = Layout(
    "close-up-320",
    320,
    (160 + (ARCFACE_112.landmarks - 56 - [0, 16]) * (CLOSE_UP_EYES_PX / 35.24)).astype(np.float32),
)
CLOSE_UP_MIN_SCORE = 0.5
CLOSE_UP_STRIDES = (32,)
"""Which cells have a say in the close-up. On 8,388 pictures of research sets the others had none on any of
9,547 faces, but for three of somebody in the background, 25 px wide: what only they need is left out."""
CLOSE_UP_ANSWERS = tuple(f"{name}_{at}" for name in ("cls", "obj", "bbox", "kps") for at in CLOSE_UP_STRIDES)
SAME_FACE_OVERLAP = 0.5
MAX_CLOSE_UPS = 2
"""Of the largest faces; people in the background keep what the first look saw."""
SURENESS_POWER = 4
"""How much more a surer cell's opinion on the landmarks weighs."""
MIN_SCORE, MAX_OVERLAP = 0.7, 0.3
"""Of a face in the first look; of two faces (IoU)."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """An image shrunk by `scale` into the top left corner of a canvas."""

    canvas: Canvas
    scale: float


class FaceDetector:
    """YuNet (Wu et al., 2023) at full and at half scale, so that a face that fills the frame is found too.

    The largest faces are looked at again, close up, for their landmarks: by `closer`, the part of the network
    that gives `CLOSE_UP_ANSWERS`, or where there is none by all of it.
    """

    def __init__(self, spec: NetworkSpec, session: Session, closer: Session | None = None) -> None:
        self._input = spec.input
        self._session, self._closer = session, closer or session

    def detect(self, image_bgr: ImageBGR, *, close_ups: int = MAX_CLOSE_UPS) -> tuple[Face, ...]:
        """All faces, best first, in the image's pixels; below about 10 px on the canvas none is found.

        So many of the largest are looked at again; with none, landmarks are those of the first look. Raises
        InferenceError for what is no `ImageBGR`.
        """
        _must_be_picture(image_bgr)
        full, half = self._scales(image_bgr)
        found = np.concatenate(
            [
                _between(self.at(image_bgr, full), 0, LARGEST_AT_FULL_SCALE_PX / full.scale),
                _between(self.at(image_bgr, half), SMALLEST_AT_HALF_SCALE_PX / full.scale, np.inf),
            ]
        )
        faces = without_overlaps(found, MAX_OVERLAP)
        for row in np.argsort(-faces[:, 3], kind="stable")[:close_ups]:
            faces[row, 4:14] = self.close_up(image_bgr, faces[row, 4:14].reshape(5, 2)).ravel()
        return tuple(_face(row) for row in faces)

    def glance(self, image_bgr: ImageBGR) -> tuple[Face, ...]:
        """As `detect`, by a first look at half the scale alone: about 20 px are enough."""
        _must_be_picture(image_bgr)
        _, half = self._scales(image_bgr)
        return tuple(_face(row) for row in self.at(image_bgr, half))

    def _scales(self, image_bgr: ImageBGR) -> tuple[Letterbox, Letterbox]:
        full = fit(image_bgr, self._input.shapes, at_most=1.0)
        return full, fit(image_bgr, self._input.shapes, at_most=full.scale / 2)

    def closer(self, image_bgr: ImageBGR, face: Face) -> Face:
        """A face of the first look with the landmarks of a second one."""
        return replace(face, landmarks=self.close_up(image_bgr, face.landmarks))

    def close_up(self, image_bgr: ImageBGR, landmarks: Landmarks) -> Landmarks:
        """Better landmarks of the face that has these; the same ones where the second look sees no face."""
        to_close_up = similarity_transform(landmarks, CLOSE_UP.landmarks)
        crop = crop_by(image_bgr, to_close_up, CLOSE_UP.size)
        canvas = (CLOSE_UP.size, CLOSE_UP.size)
        answer = self._closer.run(to_tensor(crop, self._input))
        cells = decode(answer, canvas, CLOSE_UP_MIN_SCORE, CLOSE_UP_STRIDES)
        cells = cells[_central(cells)]
        if not len(cells):
            return landmarks
        return inverse(to_close_up, agreed_landmarks(cells))

    def at(self, image_bgr: ImageBGR, letterbox: Letterbox) -> Found:
        """What one scale finds, in the image's pixels."""
        outputs = self._session.run(to_tensor(boxed(image_bgr, letterbox), self._input))
        found = without_overlaps(decode(outputs, letterbox.canvas, MIN_SCORE), MAX_OVERLAP)
        return in_image(found, image_bgr, letterbox)


def _must_be_picture(image_bgr: ImageBGR) -> None:
    shape = image_bgr.shape
    if image_bgr.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise InferenceError(f"expected H×W×3 pixels of uint8, got {image_bgr.dtype} {shape}")


def fit(image_bgr: ImageBGR, canvases: Sequence[Canvas], at_most: float) -> Letterbox:
    """The canvas that shows the image largest, but not above `at_most`; of equals the smallest."""
    height, width = image_bgr.shape[:2]
    scales = {canvas: min(canvas[0] / width, canvas[1] / height, at_most) for canvas in canvases}
    canvas = max(canvases, key=lambda canvas: (scales[canvas], -canvas[0] * canvas[1]))
    return Letterbox(canvas, scales[canvas])


def boxed(image_bgr: ImageBGR, letterbox: Letterbox) -> ImageBGR:
    """The shrunk image, black to its right and below, as the network was trained."""
    width, height = shrunk_size(image_bgr, letterbox)
    canvas = np.empty((letterbox.canvas[1], letterbox.canvas[0], 3), np.uint8)
    canvas[height:], canvas[:height, width:] = 0, 0
    cv2.resize(image_bgr, (width, height), canvas[:height, :width], interpolation=cv2.INTER_AREA)
    return canvas


def shrunk_size(image_bgr: ImageBGR, letterbox: Letterbox) -> tuple[int, int]:
    """Width and height of the image on the canvas, in whole pixels and never none."""
    height, width = image_bgr.shape[:2]
    return max(1, round(width * letterbox.scale)), max(1, round(height * letterbox.scale))


def in_image(found: Found, image_bgr: ImageBGR, letterbox: Letterbox) -> Found:
    """Canvas pixels to image pixels; whole pixels make the two axes' scales differ a little."""
    width, height = shrunk_size(image_bgr, letterbox)
    scale = np.array([image_bgr.shape[1] / width, image_bgr.shape[0] / height] * 7, np.float32)
    result = found.copy()
    result[:, :14] *= scale
    return result


def decode(
    outputs: Mapping[str, Tensor], canvas: Canvas, min_score: float, strides: tuple[int, ...] = STRIDES
) -> Found:
    """Every cell of these strides whose score reaches `min_score`, in canvas pixels.

    Score = sqrt(cls * obj); centre, size and landmarks are relative to the cell.
    """
    cls, obj = _of_cells(outputs, strides, "cls", "obj").clip(0, 1).reshape(2, -1)
    score = np.sqrt(cls * obj)
    (index,) = (score >= min_score).nonzero()
    places, sizes = _cells(canvas, strides)
    place, stride = places[index], sizes[index]
    box, points = (_of_cells(outputs, strides, name)[index] for name in ("bbox", "kps"))
    size = np.exp(box[:, 2:].clip(max=10)) * stride  # exp(89) is infinite
    corner = (place + box[:, :2]) * stride - size / 2
    landmarks = ((points.reshape(-1, 5, 2) + place[:, None]) * stride[:, None]).reshape(-1, 10)
    return np.concatenate([corner, size, landmarks, score[index, None]], 1, dtype=np.float32)


def _of_cells(outputs: Mapping[str, Tensor], strides: tuple[int, ...], *names: str) -> Tensor:
    """All cells' answers of one name, then all of the next."""
    return np.concatenate([outputs[f"{name}_{stride}"][0] for name in names for stride in strides])


@cache
def _cells(canvas: Canvas, strides: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """N×2, column and row of each cell of these strides, and N×1, its stride in canvas pixels."""
    width, height = canvas
    shapes = [(height // stride, width // stride) for stride in strides]
    places = [np.indices(shape)[::-1].reshape(2, -1).T for shape in shapes]
    sizes = [np.full((len(cells), 1), stride) for cells, stride in zip(places, strides, strict=True)]
    return np.concatenate(places).astype(np.float64), np.concatenate(sizes).astype(np.float64)


def without_overlaps(found: Found, max_overlap: float) -> Found:
    """Best first, without those that overlap a better one by more than `max_overlap` (IoU)."""
    waiting = found[np.argsort(-found[:, 14], kind="stable")]
    kept: list[Found] = []
    while len(waiting):
        kept.append(waiting[:1])
        waiting = waiting[1:][_overlap(waiting[0], waiting[1:]) <= max_overlap]
    return np.concatenate(kept) if kept else found


def _overlap(one: Found, others: Found) -> NDArray[np.float32]:
    """Intersection over union of one box with each of the others, 0 to 1."""
    corner = np.maximum(one[:2], others[:, :2])
    opposite = np.minimum(one[:2] + one[2:4], others[:, :2] + others[:, 2:4])
    shared = (opposite - corner).clip(0).prod(1)
    union = one[2:4].prod() + others[:, 2:4].prod(1) - shared
    return np.asarray(shared / union, np.float32)


def _between(found: Found, smallest: float, largest: float) -> Found:
    longer_side = found[:, 2:4].max(1)
    seen: Found = found[(longer_side >= smallest) & (longer_side <= largest)]
    return seen


def agreed_landmarks(cells: Found) -> Landmarks:
    """The mean of what all cells over the best face say, the surer ones first."""
    best = cells[cells[:, 14].argmax()]
    same = cells[_overlap(best, cells) >= SAME_FACE_OVERLAP]
    weights = same[:, 14:] ** SURENESS_POWER
    mean: NDArray[np.float32] = (same[:, 4:14] * weights).sum(0) / weights.sum()
    return mean.reshape(5, 2)


def _central(found: Found) -> NDArray[np.bool_]:
    """Which faces have their centre in the middle half of the close-up."""
    centre = found[:, :2] + found[:, 2:4] / 2
    away: NDArray[np.float32] = np.abs(centre - CLOSE_UP.size / 2).max(1)
    return away < CLOSE_UP.size / 4


def _face(row: NDArray[np.float32]) -> Face:
    x, y, width, height = (float(value) for value in row[:4])
    return Face(Box(x, y, width, height), row[4:14].reshape(5, 2).copy(), float(row[14]))
