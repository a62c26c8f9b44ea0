"""How fast a face moves from one frame to the next: not in the standard, which looks at one picture."""

from dataclasses import dataclass

import numpy as np

from models.face import Face
from models.measurement import Measure, NotAssessed, measured
from models.quality.scale import falling

SCALE = falling(3, 0.75)
"""50 where a limit is shipped."""


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The face one frame earlier."""

    face: Face
    seconds_ago: float


def motion(before: Before | None, face: Face) -> Measure:
    """How fast the eyes' middle moves, in inter-eye distances per second."""
    if before is None:
        return NotAssessed("no frame before")
    moved = face.landmarks[:2].mean(axis=0) - before.face.landmarks[:2].mean(axis=0)
    eyes_apart = float(np.linalg.norm(face.landmarks[0] - face.landmarks[1]))
    if eyes_apart <= 0 or before.seconds_ago <= 0:
        return NotAssessed("eyes or times coincide")
    return measured(float(np.linalg.norm(moved)) / eyes_apart / before.seconds_ago)
