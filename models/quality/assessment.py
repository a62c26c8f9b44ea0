"""Takes every measure of a face on one picture."""

from collections.abc import Callable

from models.errors import InferenceError
from models.quality.face.crop import shown
from models.quality.face.eyes_open_mouth_closed import eye_opening, mouth_opening
from models.quality.face.head_placement import head_size, offset_x, offset_y
from models.quality.face.inter_eye_distance import inter_eye_distance_px
from models.quality.face.occlusion import eyes_visible, mouth_visible, occlusion
from models.quality.face.pose import pitch_deg, roll_deg, yaw_deg
from models.quality.light.brightness import brightness
from models.quality.light.dynamic_range import dynamic_range
from models.quality.light.exposure import over_exposure, under_exposure
from models.quality.light.illumination_uniformity import illumination_uniformity
from models.quality.light.natural_colour import natural_colour
from models.quality.picture.compression import compression
from models.quality.picture.sharpness import sharpness
from models.quality.view.face_view import FaceView, face_view
from models.values.face import Face, ImageBGR
from models.values.measurement import Measure, NotAssessed

_MEASURES: tuple[Callable[[FaceView], Measure], ...] = (
    sharpness,
    brightness,
    shown,
    inter_eye_distance_px,
    yaw_deg,
    pitch_deg,
    roll_deg,
    head_size,
    offset_x,
    offset_y,
    eye_opening,
    mouth_opening,
    eyes_visible,
    mouth_visible,
    occlusion,
    under_exposure,
    over_exposure,
    illumination_uniformity,
    dynamic_range,
    natural_colour,
    compression,
)
MEASURES = {measure.__name__: measure for measure in _MEASURES}
"""Component → how it is taken from one picture; in the order of the table, where *motion* takes two."""


def assess(image_bgr: ImageBGR, face: Face) -> dict[str, Measure]:
    """Every component that one picture has, by its name, raw; one that cannot be taken says why."""
    try:
        view = face_view(image_bgr, face)
    except InferenceError as error:
        return dict.fromkeys(MEASURES, NotAssessed(str(error)))
    return {name: take(view) for name, take in MEASURES.items()}
