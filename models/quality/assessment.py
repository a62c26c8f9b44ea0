from collections.abc import Callable

from models.errors import InferenceError
from models.quality import geometry, light
from models.quality.compression import compression
from models.quality.face_view import FaceView, face_view
from models.quality.occlusion import eyes_visible, mouth_visible, occlusion
from models.quality.sharpness import sharpness
from models.values.face import Face, ImageBGR
from models.values.measurement import Measure, NotAssessed, measured

_MEASURES: tuple[Callable[[FaceView], float], ...] = (
    sharpness,
    light.brightness,
    geometry.shown,
    geometry.inter_eye_distance_px,
    geometry.yaw_deg,
    geometry.pitch_deg,
    geometry.roll_deg,
    geometry.head_size,
    geometry.offset_x,
    geometry.offset_y,
    geometry.eye_opening,
    geometry.mouth_opening,
    eyes_visible,
    mouth_visible,
    occlusion,
    light.under_exposure,
    light.over_exposure,
    light.illumination_uniformity,
    light.dynamic_range,
    light.natural_colour,
    compression,
)
MEASURES = {measure.__name__: measure for measure in _MEASURES}
"""Component → how it is taken from one picture: its raw value, or InferenceError that says why there is none.

In the order of the table, where *motion* takes two pictures."""


def assess(image_bgr: ImageBGR, face: Face) -> dict[str, Measure]:
    """Every component that one picture has, by its name, raw; one that cannot be taken says why."""
    try:
        view = face_view(image_bgr, face)
    except InferenceError as error:
        return dict.fromkeys(MEASURES, NotAssessed(str(error)))
    return {name: _taken(measure, view) for name, measure in MEASURES.items()}


def _taken(measure: Callable[[FaceView], float], view: FaceView) -> Measure:
    try:
        return measured(measure(view))
    except InferenceError as error:
        return NotAssessed(str(error))
