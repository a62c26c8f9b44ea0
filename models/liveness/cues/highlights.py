"""Highlights: how light lies on a face. Skin shines in small spots, paper and glass in large ones or none."""

from collections.abc import Sequence

import cv2
import numpy as np

from models.liveness.frames import NOTHING, Look, inner, middle_of, of_each
from models.values.measurement import Measure


def highlights(looks: Sequence[Look]) -> Measure:
    """From 0: how far the brightest hundredth of the face lies above its middle, over its spread (median)."""
    return middle_of(of_each(looks, "highlights", _excess), NOTHING)


def _excess(look: Look) -> float:
    grey = cv2.cvtColor(inner(look), cv2.COLOR_BGR2GRAY)[60:200, 50:174].astype(np.float32)
    low, middle, high, top = np.percentile(grey, (10, 50, 90, 99))
    return float((top - middle) / max(high - low, 1.0))
