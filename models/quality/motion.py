"""How fast a face moves from one frame to the next: not in the standard, which looks at one picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from models.values.face import Face
from models.values.measurement import Measure, NotAssessed, measured


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The face one frame earlier."""

    face: Face
    seconds_ago: float


def motion(before: Before | None, face: Face) -> Measure:
    """How fast the eyes' middle moves, in inter-eye distances per second."""
    if before is None:
        return NotAssessed("no frame before")
    eyes = face.landmarks[:2].tolist()
    eyes_apart = math.dist(*eyes)
    if eyes_apart <= 0 or before.seconds_ago <= 0:
        return NotAssessed("eyes or times coincide")
    moved = math.dist(_middle(eyes), _middle(before.face.landmarks[:2].tolist()))
    return measured(moved / eyes_apart / before.seconds_ago)


def _middle(points: Sequence[Sequence[float]]) -> list[float]:
    return [fmean(values) for values in zip(*points, strict=True)]
