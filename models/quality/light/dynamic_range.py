"""How many different luminances a face has."""

import numpy as np

from models.quality.view.face_view import FaceView
from models.values.measurement import Measure, NotAssessed, measured


def dynamic_range(view: FaceView) -> Measure:
    """0 to 8 bits: the entropy of luminance from brows to chin. ISO/IEC 29794-5 *Dynamic range*.

    As the standard has it, on a face that is smaller and by another mesh.
    """
    if isinstance(view.light, NotAssessed):
        return view.light
    there = view.light[view.light > 0]
    return measured(float(-(there * np.log2(there)).sum()))
