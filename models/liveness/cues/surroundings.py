"""Surroundings: whether what lies around the face moves with it, as paper does, or stays, as a hall does."""

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

from models.liveness.frames import FROM_HEAD, NO_MOVEMENT, Look, Plane, around, following, middle_of
from models.values.measurement import Measure

LEAST_MOVED = 0.06
"""Eye distances from look to look: below, nothing can be told."""
BLUR_PX = 1.5


def surroundings(looks: Sequence[Look]) -> Measure:
    """Natural logarithm, above 0 where they go with the face: change in place over change with the face.

    In a ring around the head, above the chin; median over looks that follow one another.
    """
    found = [_kept(one, next_) for one, next_ in following(looks) if _moved(one, next_)]
    return middle_of(found, NO_MOVEMENT)


def _moved(one: Look, next_: Look) -> bool:
    way = np.abs(next_.face.landmarks - one.face.landmarks).max()
    return bool(way >= LEAST_MOVED * one.eyes_apart_px > 0)


def _kept(one: Look, next_: Look) -> float:
    """With the later look, by when the earlier was: not the earlier itself, and its image, for good."""
    return next_.once(f"beside the look at {one.at_s}", partial(_with_face, one, next_))


def _with_face(one: Look, next_: Look) -> float:
    before = around(one)
    with_face, where_it_was = around(next_), around(next_, one)
    return float(np.log((_change(before, where_it_was) + 1) / (_change(before, with_face) + 1)))


def _change(one: Plane, other: Plane) -> float:
    """Mean difference in the ring, brightness apart; where the image ends both are black."""
    shown = RING & (one > 0) & (other > 0)
    if shown.sum() < RING.sum() / 8:
        return 0.0
    difference = (cv2.GaussianBlur(one, (0, 0), BLUR_PX) - cv2.GaussianBlur(other, (0, 0), BLUR_PX))[shown]
    return float(np.abs(difference - np.median(difference)).mean())


RING = (FROM_HEAD >= 1.35) & (FROM_HEAD <= 2.4) & (np.arange(192)[:, None] <= 130)
"""Of `look.AROUND`: beyond ears and hair, above the shoulders."""
