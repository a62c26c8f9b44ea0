"""How large a face is, in pixels."""

import math

from models.quality.view.face_view import FaceView
from models.values.measurement import Measure, measured


def inter_eye_distance_px(view: FaceView) -> Measure:
    """Pixels of the image between the eye centres. ISO/IEC 29794-5 *Inter-eye distance*.

    Not divided by cos(yaw) as the standard does: a turned head has fewer pixels, and this says so.
    """
    return measured(math.dist(*view.eyes))
