"""How large a head is in its picture, and where it is."""

from models.quality.view.face_view import FaceView
from models.values.measurement import Measure, measured


def head_size(view: FaceView) -> Measure:
    """Above 0: height of the detector's box over the image's height.

    Stands in for ISO/IEC 29794-5 *Head size*, which needs the chin.
    """
    return measured(view.box.height / view.image_height)


def offset_x(view: FaceView) -> Measure:
    """About -0.5 to 0.5 of the image's width: eye midpoint from the centre, positive to the right."""
    right, left = view.eyes
    return measured((right[0] + left[0]) / 2 / view.image_width - 0.5)


def offset_y(view: FaceView) -> Measure:
    """About -0.5 to 0.5 of the image's height: eye midpoint from the centre, positive downwards."""
    right, left = view.eyes
    return measured((right[1] + left[1]) / 2 / view.image_height - 0.5)
