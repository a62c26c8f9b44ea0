"""Planarity: how little of the landmarks' movement a plane leaves unexplained.

Between two views of a plane a homography explains where each point went; of a head that turns it cannot, nose
and brows are not in one plane. Landmarks are the mesh's from brows to lips.
"""

from collections.abc import Sequence
from itertools import combinations

import cv2
import numpy as np

from models.liveness.frames import NO_MESH, NO_MOVEMENT, Look, Points, meshes, middle_of
from models.values.measurement import Measure

LEAST_CHANGED = 0.01
"""Eye distances: what a similarity must leave, or there is nothing to explain."""


def planarity(looks: Sequence[Look]) -> Measure:
    """From 0: of the change of shape, the share that no homography explains (median over pairs of looks)."""
    seen = meshes(looks)
    if len(seen) < 2:
        return NO_MESH
    shares = [
        share for one, other in combinations(seen, 2) if (share := _unexplained(one, other)) is not None
    ]
    return middle_of(shares, NO_MOVEMENT)


def _unexplained(one: Points, other: Points) -> float | None:
    change = _left_by_similarity(one, other)
    if not change >= LEAST_CHANGED:  # NaN compares false
        return None
    matrix, _ = cv2.findHomography(one[:, :2], other[:, :2], 0)
    there = cv2.perspectiveTransform(one[None, :, :2], matrix)[0]
    return float(np.sqrt(((there - other[:, :2]) ** 2).sum(1).mean())) / change


def _left_by_similarity(one: Points, other: Points) -> float:
    """Root mean square of what the best similarity leaves, by complex numbers."""
    z, w = (points[:, 0] + 1j * points[:, 1] for points in (one, other))
    z, w = z - z.mean(), w - w.mean()
    factor = np.vdot(z, w) / np.vdot(z, z)
    return float(np.sqrt((np.abs(w - factor * z) ** 2).mean()))
