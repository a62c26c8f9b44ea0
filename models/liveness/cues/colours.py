"""Colours: how far the colours of a face lie apart. Ink and screens have fewer than skin, lips and eyes."""

from collections.abc import Sequence

import cv2
import numpy as np

from models.liveness.frames import NOTHING, Look, inner, middle_of, of_each
from models.values.measurement import Measure


def colours(looks: Sequence[Look]) -> Measure:
    """From 0: spread of the face's two colour differences (Cr, Cb), in grey levels (median over looks)."""
    return middle_of(of_each(looks, "colours", _spread), NOTHING)


def shading(looks: Sequence[Look]) -> Measure:
    """From 0: spread of the face's brightness over its mean: a face in the round has lit and unlit sides."""
    return middle_of(of_each(looks, "shading", _contrast), NOTHING)


def _spread(look: Look) -> float:
    ycc = cv2.cvtColor(inner(look), cv2.COLOR_BGR2YCrCb)[60:200, 50:174].reshape(-1, 3)
    return float(np.hypot(ycc[:, 1].std(), ycc[:, 2].std()))


def _contrast(look: Look) -> float:
    grey = cv2.cvtColor(inner(look), cv2.COLOR_BGR2GRAY)[60:200, 50:174].astype(np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), 8)
    return float(smooth.std() / max(float(smooth.mean()), 1.0))
