"""How bright a face is."""

import cv2

from models.quality.view.face_view import AT_THE_EDGE, INNER_FACE, FaceView
from models.values.measurement import Measure, measured


def brightness(view: FaceView) -> Measure:
    """0 (black) to 1 (white): mean luminance from brows to mouth. ISO/IEC 29794-5 *Luminance mean*.

    Of values as they are stored, where the standard undoes the camera's gamma first.
    """
    if not view.has_pixels:
        return AT_THE_EDGE
    return measured(cv2.mean(view.grey[INNER_FACE])[0] / 255)
