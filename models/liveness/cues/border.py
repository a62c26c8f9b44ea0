"""Border: long straight edges close around a face, as a held paper or a screen has."""

from collections.abc import Sequence

import cv2
import numpy as np

from models.liveness.frames import FROM_HEAD, NOTHING, Look, around, middle_of, of_each
from models.values.measurement import Measure

LONGEST_GAP_PX, SHORTEST_PX = 3, 40
LOW, HIGH = 40, 120
"""Of Canny's detector, on grey levels."""


def border(looks: Sequence[Look]) -> Measure:
    """From 0: summed length of straight edges beside and above the head, in eye distances (median)."""
    return middle_of(of_each(looks, "border", _length), NOTHING)


def _length(look: Look) -> float:
    grey = around(look).astype(np.uint8)
    inside = cv2.erode((grey > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0  # not the image's edge
    edges = cv2.Canny(grey, LOW, HIGH)
    edges[~(AREA & inside)] = 0
    lines = cv2.HoughLinesP(edges, 1, np.pi / 180, 28, None, SHORTEST_PX, LONGEST_GAP_PX)
    if lines is None:
        return 0.0
    ends = lines.reshape(-1, 4).astype(np.float64)
    return float(np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]).sum()) / 32


AREA = (FROM_HEAD >= 1.2) & (FROM_HEAD <= 2.7)
"""Of `look.AROUND`: around the head, as far as a photograph reaches."""
