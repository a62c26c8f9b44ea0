"""How bright a face is."""

import cv2

from models.quality.scale import sigmoid
from models.quality.view.face_view import AT_THE_EDGE, INNER_FACE, FaceView
from models.values.measurement import Measure, measured


def brightness(view: FaceView) -> Measure:
    """0 (black) to 1 (white): mean luminance from brows to mouth. ISO/IEC 29794-5 *Luminance mean*.

    Of values as they are stored, where the standard undoes the camera's gamma first.
    """
    if not view.has_pixels:
        return AT_THE_EDGE
    return measured(cv2.mean(view.grey[INNER_FACE])[0] / 255)


def scale(value: float) -> float:
    """The standard's: a plateau from about 0.3 to 0.7."""
    return 100 * sigmoid(value, 0.2, 0.05) * (1 - sigmoid(value, 0.8, 0.05))
