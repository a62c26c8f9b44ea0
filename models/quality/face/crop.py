"""How much of a face the picture's edge has left."""

from models.quality.view.face_view import FaceView
from models.values.measurement import Measure, measured


def shown(view: FaceView) -> Measure:
    """0 to 1: the part of the face, from above the brows to below the mouth, that the image has not cut off.

    Stands in for ISO/IEC 29794-5 *Crop of the face image*, on either side, above and below. A matcher takes
    what is missing for black skin; in CASIA-FaceV5 one cut picture made four of five false non-matches.
    """
    return measured(view.face_shown)
