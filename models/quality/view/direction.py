from typing import TypeAlias

import cv2
import numpy as np

from models.detect import face_mesh
from models.detect.face_mesh import NO_FACE, Points
from models.errors import InferenceError
from models.values.face import Landmarks, Mesh

Direction: TypeAlias = tuple[float, float, float]
"""Of length 1: x to the image's right, y down, z away from the camera."""

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


def facing(landmarks: Landmarks, seen: Mesh | None) -> Direction:
    """Where the face looks; InferenceError for a mesh that spans no face."""
    return _by_landmarks(landmarks) if seen is None else _in_space(face_mesh.five_in_space(seen))


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
    """Weak perspective: the 2×3 matrix that projects the model onto the landmarks, brought to the nearest
    one with orthonormal rows.
    """
    points = landmarks - landmarks.mean(0)
    projection = np.linalg.lstsq(_MODEL, points.astype(np.float64), rcond=None)[0].T
    left, _, right = np.linalg.svd(projection, full_matrices=False)
    rows = left @ right
    x, y, z = -np.array([rows[0, 2], rows[1, 2], np.cross(rows[0], rows[1])[2]])
    return float(x), float(y), float(z)
