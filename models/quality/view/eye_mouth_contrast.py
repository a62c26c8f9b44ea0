"""What eyes and mouth stand out by: where something covers them, it is gone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detect.face_mesh import NO_FACE, Points
from models.errors import InferenceError
from models.quality.view.regions import LEFT_EYE, LIPS, RIGHT_EYE, around

FEWEST_PIXELS = 12


@dataclass(frozen=True, slots=True)
class Features:
    """Contrasts from 0, nothing there, to 1."""

    right_eye: float
    left_eye: float
    mouth: float

    @property
    def eyes(self) -> float:
        """Of the eye that is seen less."""
        return min(self.right_eye, self.left_eye)


def features(grey: NDArray[np.uint8], points: Points, cheeks: float, eyes_apart: float) -> Features:
    """Of a picture whose cheeks have this mean grey value; InferenceError where eyes or mouth are cut off."""
    margin = eyes_apart / 20  # ISO/IEC 39794-5: the eye visibility zone
    eyes = [around(grey, points[numbers], margin) for numbers in (RIGHT_EYE, LEFT_EYE)]
    mouth = around(grey, points[LIPS], 0)
    if min(mouth.size, *(eye.size for eye in eyes)) < FEWEST_PIXELS:
        raise InferenceError(NO_FACE)
    right, left = (_eye_contrast(eye, cheeks) for eye in eyes)
    return Features(right, left, _mouth_contrast(mouth))


def _eye_contrast(zone: NDArray[np.uint8], cheeks: float) -> float:
    """From the pupil's dark to the brightest, over that or the cheeks' grey, whichever is brighter.

    An eye's white is about as bright as the cheeks; a dark glass is dark throughout.
    """
    values = sorted(zone.tobytes())
    dark, bright = values[len(values) // 20], values[-1 - len(values) // 20]
    return (bright - dark) / max(bright, cheeks, 1.0)


def _mouth_contrast(zone: NDArray[np.uint8]) -> float:
    """From the darkest row to the brightest: lips and the line between them lie across, folds do not."""
    rows: list[float] = [sum(row) / len(row) for row in zone.tolist()]
    return (max(rows) - min(rows)) / max(*rows, 1.0)
