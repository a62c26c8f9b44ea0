"""The colours and the light of a face: ink and screens have fewer colours than skin, lips and eyes.

Skin shines in small spots, paper and glass in large ones or none.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from models.liveness.frames import Look, Plane, inner, middle_of_each

INSIDE = (slice(60, 200), slice(50, 174))
"""Rows and columns of `frames.INNER`."""


def colours(looks: Sequence[Look]) -> float:
    """From 0: spread of the face's two colour differences (Cr, Cb), in grey levels (median over looks)."""
    return middle_of_each(looks, "colours", _spread)


def shading(looks: Sequence[Look]) -> float:
    """From 0: spread of the face's brightness over its mean: a face in the round has lit and unlit sides."""
    return middle_of_each(looks, "shading", _contrast)


def highlights(looks: Sequence[Look]) -> float:
    """From 0: how far the brightest hundredth of the face lies above its middle, over its spread (median)."""
    return middle_of_each(looks, "highlights", _excess)


def _spread(look: Look) -> float:
    ycc = cv2.cvtColor(inner(look), cv2.COLOR_BGR2YCrCb)[INSIDE].reshape(-1, 3)
    return float(np.hypot(ycc[:, 1].std(), ycc[:, 2].std()))


def _contrast(look: Look) -> float:
    smooth = cv2.GaussianBlur(_grey(look), (0, 0), 8)
    return float(smooth.std() / max(float(smooth.mean()), 1.0))


def _excess(look: Look) -> float:
    low, middle, high, top = np.percentile(_grey(look), (10, 50, 90, 99))
    return float((top - middle) / max(high - low, 1.0))


def _grey(look: Look) -> Plane:
    return cv2.cvtColor(inner(look), cv2.COLOR_BGR2GRAY)[INSIDE].astype(np.float32)
