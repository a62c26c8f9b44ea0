"""Micro-motion: eyes and mouth that move by themselves. A photograph's move with the paper alone."""

from collections.abc import Callable, Sequence

import numpy as np

from models.detect import face_mesh
from models.errors import InferenceError
from models.liveness.frames import NO_MESH, Look, Points, meshes, rest
from models.values.face import Mesh
from models.values.measurement import Measure, measured

FEWEST = 3


def eyes(looks: Sequence[Look]) -> Measure:
    """From 0: how much the eyes' opening varies (standard deviation of height over width)."""
    return _variation(looks, lambda one: float(np.mean(face_mesh.eye_opening(one))))


def mouth(looks: Sequence[Look]) -> Measure:
    """From 0: how much the mouth's opening varies (standard deviation of the gap over the width)."""
    return _variation(looks, face_mesh.mouth_opening)


def stir(looks: Sequence[Look]) -> Measure:
    """From 0, in eye distances: what affine movements leave of the mesh's own, root mean square."""
    seen = meshes(looks)
    if len(seen) < FEWEST:
        return NO_MESH
    left = [rest(seen[0], points, _flat(seen[0])) for points in seen[1:]]
    return measured(float(np.sqrt(np.square(left).sum(2).mean())))


def _variation(looks: Sequence[Look], opening: Callable[[Mesh], float]) -> Measure:
    try:
        found = [opening(look.face.mesh) for look in looks if look.face.mesh is not None]
    except InferenceError:
        return NO_MESH
    return measured(float(np.std(found))) if len(found) >= FEWEST else NO_MESH


def _flat(points: Points) -> Points:
    return np.column_stack([np.ones(len(points)), points[:, :2]])
