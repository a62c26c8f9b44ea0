"""What lies around a face: straight edges, as a held paper or a screen has, and whether it moves along."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import cv2
import numpy as np

from models.align import ARCFACE_112, Layout, align
from models.liveness.frames import NO_MOVEMENT, Look, Plane, middle_of, middle_of_each

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
EDGES = (FROM_HEAD >= 1.2) & (FROM_HEAD <= 2.7)
"""Of `AROUND`: around the head, as far as a photograph reaches."""
RING = (FROM_HEAD >= 1.35) & (FROM_HEAD <= 2.4) & (np.arange(192)[:, None] <= 130)
"""Of `AROUND`: beyond ears and hair, above the shoulders."""

LONGEST_GAP_PX, SHORTEST_PX = 3, 40
LOW, HIGH = 40, 120
"""Of Canny's detector, on grey levels."""
LEAST_MOVED = 0.06
"""Eye distances from look to look: less movement than this is not judged."""
BLUR_PX = 1.5


def border(looks: Sequence[Look]) -> float:
    """From 0: summed length of straight edges beside and above the head, in eye distances (median)."""
    return middle_of_each(looks, "border", _length)


def surroundings(looks: Sequence[Look]) -> float:
    """Natural logarithm, above 0 where they go with the face: change in place over change with the face.

    In a ring around the head, above the chin; median over looks that follow one another.
    """
    return middle_of([_kept(one, next_) for one, next_ in pairwise(looks) if _moved(one, next_)], NO_MOVEMENT)


def _length(look: Look) -> float:
    grey = _around(look).astype(np.uint8)
    inside = cv2.erode((grey > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0  # not the image's edge
    edges = cv2.Canny(grey, LOW, HIGH)
    edges[~(EDGES & inside)] = 0
    lines = cv2.HoughLinesP(edges, 1, np.pi / 180, 28, None, SHORTEST_PX, LONGEST_GAP_PX)
    if lines is None:
        return 0.0
    ends = lines.reshape(-1, 4).astype(np.float64)
    return float(np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]).sum()) / _EYES


def _moved(one: Look, next_: Look) -> bool:
    way = np.abs(next_.face.landmarks - one.face.landmarks).max()
    return bool(way >= LEAST_MOVED * one.eyes_apart_px > 0)


def _kept(one: Look, next_: Look) -> float:
    """With the later look, by when the earlier was: not the earlier itself, and its image, for good."""
    return next_.once(f"beside the look at {one.at_s}", partial(_with_face, one, next_))


def _with_face(one: Look, next_: Look) -> float:
    before = _around(one)
    with_face, where_it_was = _around(next_), _crop(next_, one)
    return float(np.log((_change(before, where_it_was) + 1) / (_change(before, with_face) + 1)))


def _around(look: Look) -> Plane:
    return look.once("around", partial(_crop, look, look))


def _crop(look: Look, place: Look) -> Plane:
    """192×192 grey levels of `look`, where the face of `place` is. InferenceError for no face."""
    crop = align(look.image_bgr, place.face.landmarks, AROUND).image_bgr
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.float32)


def _change(one: Plane, other: Plane) -> float:
    """Mean difference in the ring, brightness apart; where the image ends both are black."""
    shown = RING & (one > 0) & (other > 0)
    if shown.sum() < RING.sum() / 8:
        return 0.0
    difference = (cv2.GaussianBlur(one, (0, 0), BLUR_PX) - cv2.GaussianBlur(other, (0, 0), BLUR_PX))[shown]
    return float(np.abs(difference - np.median(difference)).mean())
