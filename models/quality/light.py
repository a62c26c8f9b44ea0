"""The light on a face: how bright it is, how evenly lit, and of what colour."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from models.quality.colour_space import lab, luminance
from models.quality.face_view import INNER_FACE, FaceView

DARK = 25
"""The standard's: luminances up to here, of 255, count as dark."""
BRIGHT = 247
"""The standard's: from here on they count as burnt out."""
FARTHEST = 100.0
"""What the standard gives to a colour that is greener or bluer than grey."""
A_RANGE, B_RANGE = (5, 25), (5, 35)
"""The standard's: a* and b* of skin in light that is not coloured."""


def brightness(view: FaceView) -> float:
    """0 (black) to 1 (white): mean luminance from brows to mouth. ISO/IEC 29794-5 *Luminance mean*.

    Of values as they are stored, where the standard undoes the camera's gamma first.
    """
    return cv2.mean(view.grey[INNER_FACE])[0] / 255


def dynamic_range(view: FaceView) -> float:
    """0 to 8 bits: the entropy of luminance from brows to chin. ISO/IEC 29794-5 *Dynamic range*.

    As the standard has it, on a face that is smaller and by another mesh.
    """
    there = view.light[view.light > 0]
    return float(-(there * np.log2(there)).sum())


def under_exposure(view: FaceView) -> float:
    """0 to 1: the dark part of the face. ISO/IEC 29794-5 *Under-exposure prevention*.

    From brows to chin by the mesh, with eyes and mouth, as the standard has it; what covers the face is not
    left out, which the standard does by a network. Dark skin is dark by this measure too: nine tenths of a
    well-lit face of NUAA may be, and no limit is shipped.
    """
    return float(view.light[: DARK + 1].sum())


def over_exposure(view: FaceView) -> float:
    """0 to 1: the burnt-out part of the face. ISO/IEC 29794-5 *Over-exposure prevention*, as above."""
    return float(view.light[BRIGHT:].sum())


def illumination_uniformity(view: FaceView) -> float:
    """0 to 1: how far the luminances of both cheeks are the same. ISO/IEC 29794-5 *Illumination uniformity*.

    As the standard has it: the common part of two histograms, on squares of 21 pixels where it has 33. It
    falls to 0 as soon as no luminance is common: beside a window, as one in twenty faces of NUAA sits, and
    these are recognised all the same. No limit is shipped.
    """
    light = luminance(np.asarray(cv2.vconcat(view.cheeks_bgr), np.uint8))
    side = len(light) // 2
    return cv2.sumElems(cv2.min(_shares(light[:side]), _shares(light[side:])))[0]


def _shares(zone: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.calcHist([zone], [0], None, [256], [0, 256]) / zone.size, np.float32)


def natural_colour(view: FaceView) -> float:
    """0, natural, to 100: how far the cheeks' mean a* and b* (CIELAB) lie outside those of skin.

    ISO/IEC 29794-5 *Natural colour*, as the standard has it. A camera without colour gives 7; CASIA-FaceV5's,
    whose skin is greenish, gives 100 and is recognised all the same. No limit is shipped.
    """
    _, a, b = lab(view.cheeks_colour)
    if a < 0 or b < 0:
        return FARTHEST
    return math.hypot(_outside(a, A_RANGE), _outside(b, B_RANGE))


def _outside(value: float, allowed: tuple[float, float]) -> float:
    return max(0.0, allowed[0] - value, value - allowed[1])
