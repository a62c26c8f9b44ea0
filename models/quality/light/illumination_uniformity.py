"""How alike the two cheeks are lit."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.quality.view.colour_space import luminance
from models.quality.view.face_view import FaceView
from models.values.measurement import Measure, NotAssessed, measured


def illumination_uniformity(view: FaceView) -> Measure:
    """0 to 1: how far the luminances of both cheeks are the same. ISO/IEC 29794-5 *Illumination uniformity*.

    As the standard has it: the common part of two histograms, on squares of 21 pixels where it has 33. It
    falls to 0 as soon as no luminance is common: beside a window, as one in twenty faces of NUAA sits, and
    these are recognised all the same. No limit is shipped.
    """
    if isinstance(view.cheeks_bgr, NotAssessed):
        return view.cheeks_bgr
    light = luminance(np.asarray(cv2.vconcat(view.cheeks_bgr), np.uint8))
    side = len(light) // 2
    return measured(cv2.sumElems(cv2.min(_shares(light[:side]), _shares(light[side:])))[0])


def _shares(zone: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.calcHist([zone], [0], None, [256], [0, 256]) / zone.size, np.float32)
