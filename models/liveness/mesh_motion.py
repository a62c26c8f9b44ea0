"""How the points of the mesh move: as those of a plane or of a head, and eyes and mouth by themselves.

Between two views of a plane a homography explains where each point went; of a head that turns it cannot, nose
and brows are not in one plane. There a point moves in proportion to its depth, beside what an affine movement
explains. The depth is the mesh's own guess, for a photograph too; what moves is not.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import cv2
import numpy as np

from models.detect import face_mesh
from models.errors import InferenceError
from models.liveness.frames import NO_MOVEMENT, Look, Points, middle_of
from models.values.face import Mesh

LEAST_CHANGED = 0.01
"""Eye distances: what a similarity must leave, or there is nothing to explain."""
LEAST_LEFT = 0.005
"""Eye distances: what an affine movement must leave, root mean square."""
FEWEST = 3
NO_MESH = "no mesh in two looks"


def planarity(looks: Sequence[Look]) -> float:
    """From 0: of the change of shape, the share that no homography explains (median over pairs of looks)."""
    return _of_pairs(looks, _unexplained)


def relief(looks: Sequence[Look]) -> float:
    """0 to 1: of what no affine movement explains, the share that depth does (median over pairs)."""
    return _of_pairs(looks, _by_depth)


def stir(looks: Sequence[Look]) -> float:
    """From 0, in eye distances: what affine movements leave of the mesh's own, root mean square."""
    first, *others = _inner_points(looks, FEWEST)
    left = [_rest(first, points, _flat(first)) for points in others]
    return float(np.sqrt(np.square(left).sum(2).mean()))


def eyes(looks: Sequence[Look]) -> float:
    """From 0: how much the eyes' opening varies (standard deviation of height over width)."""
    return _variation(looks, lambda one: float(np.mean(face_mesh.eye_opening(one))))


def mouth(looks: Sequence[Look]) -> float:
    """From 0: how much the mouth's opening varies (standard deviation of the gap over the width)."""
    return _variation(looks, face_mesh.mouth_opening)


def _inner_points(looks: Sequence[Look], fewest: int) -> list[Points]:
    """n×3 of each look with a mesh: its points from brows to lips, in eye distances."""
    numbers, _ = face_mesh.mean_shape()
    found = [
        look.face.mesh.points_in_image[numbers].astype(np.float64) / look.eyes_apart_px
        for look in looks
        if look.face.mesh is not None and look.eyes_apart_px > 0  # NaN compares false
    ]
    if len(found) < fewest:
        raise InferenceError(NO_MESH)
    return found


def _of_pairs(looks: Sequence[Look], share: Callable[[Points, Points], float | None]) -> float:
    shares = [share(one, other) for one, other in combinations(_inner_points(looks, 2), 2)]
    return middle_of([one for one in shares if one is not None], NO_MOVEMENT)


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


def _by_depth(one: Points, other: Points) -> float | None:
    flat = _flat(one)
    energy = float((_rest(one, other, flat) ** 2).sum())
    if not energy >= LEAST_LEFT**2 * len(one):  # NaN compares false
        return None
    return 1 - float((_rest(one, other, np.column_stack([flat, one[:, 2]])) ** 2).sum()) / energy


def _flat(points: Points) -> Points:
    return np.column_stack([np.ones(len(points)), points[:, :2]])


def _rest(source: Points, target: Points, fitted: Points) -> Points:
    """What a linear fit by these columns leaves of the way from `source` to `target`: n×2."""
    way = target[:, :2] - source[:, :2]
    return np.asarray(way - fitted @ np.linalg.lstsq(fitted, way, rcond=None)[0])


def _variation(looks: Sequence[Look], opening: Callable[[Mesh], float]) -> float:
    try:
        found = [opening(look.face.mesh) for look in looks if look.face.mesh is not None]
    except InferenceError as error:
        raise InferenceError(NO_MESH) from error
    if len(found) < FEWEST:
        raise InferenceError(NO_MESH)
    return float(np.std(found))
