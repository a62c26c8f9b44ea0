"""The components of quality: one table, a row for each, which everything else reads; no pixels, no limits.

Another component is a row here, its measure, which `models.quality.assessment` takes, its limits
in a policy, and its words in the catalogues of `api/web/translations/locales`.
"""

from dataclasses import dataclass
from enum import Enum, auto

from models.quality.scale import (
    Scale,
    burnt_out,
    cosine_squared,
    dark,
    falling,
    from_middle,
    linear,
    nearest,
    plateau,
    rising,
    root,
)
from models.values.measurement import Measure, Measured
from models.values.texts import N_


class Aspect(Enum):
    """What a component says something of, where a case has a reason of its own for it."""

    COVER = auto()
    MOTION = auto()
    POSE = auto()
    LIGHT = auto()


@dataclass(frozen=True, slots=True)
class Component:
    """A row."""

    words: str
    """What a person calls it, in English; of a component with limits, what is wrong outside them."""
    standard: str
    """The component of ISO/IEC 29794-5 that it is, or stands in for; empty for none."""
    scale: Scale
    """From the raw value to 0 to 100."""
    aspect: Aspect | None = None
    live: bool = False
    """Whether a policy must have limits for it, of a live frame."""
    document: bool = False
    """The same of a document's photo."""
    of_stills: bool = True
    """Whether limits of a live frame say something of a picture that was taken elsewhere."""
    ranks_frames: bool = True


EYE_GONE, EYE_CLEAR = 0.1, 0.3
"""An eye's contrast, where something covers it and where nothing does."""
MOUTH_GONE, MOUTH_CLEAR = 0.05, 0.18

COMPONENTS: dict[str, Component] = {
    # stands in: 50 where a limit is shipped; ninety of a hundred webcam faces lie between 0.27 and 0.36
    "sharpness": Component(N_("sharpness"), "Sharpness", rising(0.2, 0.04), live=True),
    "brightness": Component(
        N_("brightness"), "Luminance mean", plateau(0.2, 0.8, 0.05), Aspect.LIGHT, live=True
    ),
    "shown": Component(
        N_("face cut off by the picture's edge"),
        "Crop of the face image",
        linear(0, 1),
        live=True,
        document=True,
    ),
    "inter_eye_distance_px": Component(
        N_("size of the face"), "Inter-eye distance", rising(70, 20), live=True, document=True
    ),
    "yaw_deg": Component(N_("head turned sideways"), "Head pose", cosine_squared, Aspect.POSE, live=True),
    "pitch_deg": Component(N_("head raised or lowered"), "Head pose", cosine_squared, Aspect.POSE, live=True),
    "roll_deg": Component(N_("head tilted"), "Head pose", cosine_squared, Aspect.POSE, live=True),
    # The standard's: best where eyes to chin are 0.45 of the height, as on a portrait. A box is 1.6 times as
    # tall as that (1.5 to 1.7 on 700 faces of research sets). In a lane it is near 0 whoever comes, and who
    # stands too near would score best: how large a face is, `inter_eye_distance_px` says.
    "head_size": Component(
        N_("distance to the camera"), "Head size", nearest(0.72, 0.08), of_stills=False, ranks_frames=False
    ),
    # the standard has no scale of these: it asks how far each edge is
    "offset_x": Component(N_("position left or right"), "", from_middle, of_stills=False),
    "offset_y": Component(N_("position in height"), "", from_middle, of_stills=False),
    # the standard's, whose gap is over the distance from eyes to chin: an eye is a quarter of that wide,
    # a mouth 0.45
    "eye_opening": Component(N_("eyes not open"), "Eyes open", rising(0.08, 0.04)),
    "mouth_opening": Component(N_("mouth open"), "Mouth closed", falling(0.44, 0.13)),
    "eyes_visible": Component(
        N_("eyes covered, or not to be seen"), "Eyes visible", linear(EYE_GONE, EYE_CLEAR), Aspect.COVER
    ),
    "mouth_visible": Component(
        N_("mouth covered, or not to be seen"),
        "Mouth occlusion prevention",
        linear(MOUTH_GONE, MOUTH_CLEAR),
        Aspect.COVER,
    ),
    "occlusion": Component(
        N_("face covered in part"), "Face occlusion prevention", linear(1, 0), Aspect.COVER
    ),
    "under_exposure": Component(
        N_("parts of the face in the dark"), "Under-exposure prevention", dark, Aspect.LIGHT
    ),
    "over_exposure": Component(
        N_("parts of the face burnt out by light"), "Over-exposure prevention", burnt_out, Aspect.LIGHT
    ),
    "illumination_uniformity": Component(
        N_("light from one side"), "Illumination uniformity", root, Aspect.LIGHT
    ),
    "dynamic_range": Component(N_("contrast"), "Dynamic range", linear(0, 8), Aspect.LIGHT),
    # the standard's: 54 for a camera without colour
    "natural_colour": Component(N_("colour of the light"), "Natural colour", nearest(0, 10), Aspect.LIGHT),
    # stands in: 50 where a limit is shipped; JPEG at quality 80 gives 1.3, 40 gives 1.7, 15 gives 2.4
    "compression": Component(N_("traces of compression"), "Compression artifacts", falling(2, 0.3)),
    # takes two frames: `assess`, which looks at one picture, has none; 50 where a limit is shipped
    "motion": Component(N_("movement"), "", falling(3, 0.75), Aspect.MOTION, live=True, of_stills=False),
}
"""Where nothing else is said, a scale is the standard's own."""


def mapped(component: str, raw: Measure) -> Measure:
    """The raw value of a component on the standard's scale: a whole number from 0 to 100."""
    if not isinstance(raw, Measured):
        return raw
    return Measured(float(round(max(0.0, min(100.0, COMPONENTS[component].scale(raw.value))))))
