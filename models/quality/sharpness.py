from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from models.quality.face_view import FaceView

Pixels: TypeAlias = NDArray[np.float32]

BLUR_WINDOW = 11
REACH = BLUR_WINDOW // 2
NOISE_SIGMA_PX = 1.5
NOISE_WINDOW = 13


def sharpness(view: FaceView) -> float:
    """0 (blurred) to 1: how much detail of the normalised face another blur would still take away.

    Independent of contrast and brightness. ISO/IEC 29794-5 *Sharpness* by the no-reference measure of
    Crété-Roffet et al., *The Blur Effect* (2007), as 1 - blur, on pixels smoothed first: without that,
    sensor noise makes a blurred face look sharp. It stands in for the standard's random forest.
    """
    wider = _with_border(np.asarray(cv2.sepFilter2D(view.grey, cv2.CV_32F, _NOISE, _NOISE), np.float32))
    rows, columns = wider[REACH:-REACH], wider[:, REACH:-REACH]
    smooth = rows[:, REACH:-REACH]
    return 1 - max(_blur_effect(smooth, rows, 1), _blur_effect(smooth, columns, 0))


_NOISE = cv2.getGaussianKernel(NOISE_WINDOW, NOISE_SIGMA_PX, cv2.CV_32F)


def _with_border(pixels: Pixels) -> Pixels:
    """As far beyond each edge as half a blur's window, mirrored."""
    border = (REACH, REACH, REACH, REACH, cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.copyMakeBorder(pixels, *border), np.float32)


def _blur_effect(pixels: Pixels, wider: Pixels, axis: int) -> float:
    """0 sharp to 1 blurred along this axis: the part of the variation that a strong blur leaves as it is.

    From one mean of a window to the next a pixel comes in and another goes: their difference is the window
    times the blurred picture's step. `wider` is the picture that reaches over both ends by half a window.
    """
    variation, blurred = _steps(pixels, 1, axis), _steps(wider, BLUR_WINDOW, axis)
    variation *= BLUR_WINDOW
    left = cv2.min(variation, blurred, dst=blurred)  # in place: fresh memory is in no cache
    total = cv2.sumElems(variation)[0]
    return cv2.sumElems(left)[0] / total if total else 1.0


def _steps(pixels: Pixels, apart: int, axis: int) -> Pixels:
    """Absolute differences of pixels that lie so far apart in a column (0) or a row (1)."""
    pair = (pixels[apart:], pixels[:-apart]) if axis == 0 else (pixels[:, apart:], pixels[:, :-apart])
    return np.asarray(cv2.absdiff(*pair), np.float32)
