"""How much detail a face shows."""

import cv2
import numpy as np

from models.measurement import Measure, measured
from models.quality.scale import rising
from models.quality.view import AT_THE_EDGE, FaceView, Luminance

BLUR_WINDOW = 11
NOISE_SIGMA_PX = 1.5

SCALE = rising(0.2, 0.04)
"""Stands in: 50 where a limit is shipped. Ninety of a hundred webcam faces lie between 0.27 and 0.36."""


def sharpness(view: FaceView) -> Measure:
    """0 (blurred) to 1: how much detail of the normalised face another blur would still take away.

    Independent of contrast and brightness. ISO/IEC 29794-5 *Sharpness* by the no-reference measure of
    Crété-Roffet et al., *The Blur Effect* (2007), as 1 - blur, on pixels smoothed first: without that,
    sensor noise makes a blurred face look sharp. It stands in for the standard's random forest.
    """
    if not view.has_pixels:
        return AT_THE_EDGE
    smooth = np.asarray(cv2.GaussianBlur(view.normalised, (0, 0), NOISE_SIGMA_PX), np.float32)
    kept = [_blur_effect(smooth), _blur_effect(np.ascontiguousarray(smooth.T))]
    return measured(1 - max(kept))


def _blur_effect(pixels: Luminance) -> float:
    """0 sharp to 1 blurred along rows: the part of the variation that a strong blur leaves as it is."""
    blurred = np.asarray(cv2.blur(pixels, (BLUR_WINDOW, 1)), np.float32)
    variation, after = _steps(pixels), _steps(blurred)
    total = float(variation.sum())
    lost = cv2.subtract(variation, after)
    return 1 - float(np.maximum(lost, 0, out=lost).sum()) / total if total else 1.0


def _steps(pixels: Luminance) -> Luminance:
    """Absolute difference of each pixel and the next one in its row."""
    return np.asarray(cv2.absdiff(pixels[:, 1:], pixels[:, :-1]), np.float32)
