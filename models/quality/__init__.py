"""How usable a face is: a file for each measure, no verdict and no limit.

Names follow ISO/IEC 29794-5 components where one is meant; each docstring says what is as the standard has it
and what stands in. A component has a raw value in its own unit, on which a policy sets limits, and a value
from 0 to 100 as the standard maps it; what could not be taken is *not assessed* in both.
"""

from collections.abc import Callable
from dataclasses import dataclass

from models.errors import InferenceError
from models.quality.face import (
    crop,
    eyes_open_mouth_closed,
    head_placement,
    inter_eye_distance,
    motion,
    occlusion,
    pose,
)
from models.quality.light import brightness, dynamic_range, exposure, illumination_uniformity, natural_colour
from models.quality.picture import compression, sharpness
from models.quality.scale import Scale, share
from models.quality.view.face_view import FaceView, face_view
from models.values.face import Face, ImageBGR
from models.values.measurement import Measure, Measured, NotAssessed


@dataclass(frozen=True, slots=True)
class Component:
    """One measure of a picture, and how it is mapped."""

    take: Callable[[FaceView], Measure]
    scale: Scale


COMPONENTS: dict[str, Component] = {
    "sharpness": Component(sharpness.sharpness, sharpness.SCALE),
    "brightness": Component(brightness.brightness, brightness.scale),
    "shown": Component(crop.shown, share),
    "inter_eye_distance_px": Component(inter_eye_distance.inter_eye_distance_px, inter_eye_distance.SCALE),
    "yaw_deg": Component(pose.yaw_deg, pose.scale),
    "pitch_deg": Component(pose.pitch_deg, pose.scale),
    "roll_deg": Component(pose.roll_deg, pose.scale),
    "head_size": Component(head_placement.head_size, head_placement.SCALE),
    "offset_x": Component(head_placement.offset_x, head_placement.scale_of_offset),
    "offset_y": Component(head_placement.offset_y, head_placement.scale_of_offset),
    "eye_opening": Component(eyes_open_mouth_closed.eye_opening, eyes_open_mouth_closed.EYES_SCALE),
    "mouth_opening": Component(eyes_open_mouth_closed.mouth_opening, eyes_open_mouth_closed.MOUTH_SCALE),
    "eyes_visible": Component(occlusion.eyes_visible, occlusion.EYES_SCALE),
    "mouth_visible": Component(occlusion.mouth_visible, occlusion.MOUTH_SCALE),
    "occlusion": Component(occlusion.occlusion, occlusion.scale),
    "under_exposure": Component(exposure.under_exposure, exposure.scale_of_dark),
    "over_exposure": Component(exposure.over_exposure, exposure.scale_of_bright),
    "illumination_uniformity": Component(
        illumination_uniformity.illumination_uniformity, illumination_uniformity.scale
    ),
    "dynamic_range": Component(dynamic_range.dynamic_range, dynamic_range.scale),
    "natural_colour": Component(natural_colour.natural_colour, natural_colour.scale),
    "compression": Component(compression.compression, compression.SCALE),
}

SCALES: dict[str, Scale] = {name: one.scale for name, one in COMPONENTS.items()} | {"motion": motion.SCALE}
"""Every component's scale; motion takes two frames and is no component of one picture."""


def assess(image_bgr: ImageBGR, face: Face) -> dict[str, Measure]:
    """Every component of `COMPONENTS` by its name, raw; one that cannot be taken says why."""
    try:
        view = face_view(image_bgr, face)
    except InferenceError as error:
        return dict.fromkeys(COMPONENTS, NotAssessed(str(error)))
    return {name: one.take(view) for name, one in COMPONENTS.items()}


def mapped(component: str, raw: Measure) -> Measure:
    """The raw value of a component of `SCALES` on the standard's scale: a whole number from 0 to 100."""
    if not isinstance(raw, Measured):
        return raw
    return Measured(float(round(max(0.0, min(100.0, SCALES[component](raw.value))))))
