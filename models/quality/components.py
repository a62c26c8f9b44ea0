"""The components of quality: one table, a row for each, which everything else reads; no pixels, no limits.

Another component is a row here, its measure, which `models.quality.assessment` takes, its limits
in a policy, and its words in the catalogues of `api/web/translations/locales`.

A scale says how near a picture comes to a good portrait; ISO/IEC 29794-5 maps most of its own by a sigmoid.
Limits are set on raw values, in their own unit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from models.values.measurement import Measure, Measured
from models.values.texts import N_

Scale = Callable[[float], float]
"""A raw value to 0 to 100; total for every finite number."""


def sigmoid(value: float, centre: float, width: float) -> float:
    """0 to 1, a half at the centre."""
    return 1 / (1 + math.exp(max(-700.0, min(700.0, (centre - value) / width))))


def rising(centre: float, width: float) -> Scale:
    """Larger is better, 50 at the centre."""
    return lambda value: 100 * sigmoid(value, centre, width)


def falling(centre: float, width: float) -> Scale:
    """Smaller is better, 50 at the centre."""
    return lambda value: 100 * (1 - sigmoid(value, centre, width))


def nearest(best: float, width: float) -> Scale:
    """100 at the best value, falling on both sides."""
    return lambda value: 200 * (1 - sigmoid(abs(value - best), 0, width))


def linear(worst: float, best: float) -> Scale:
    """0 at the worst value, 100 at the best."""
    return lambda value: 100 * (value - worst) / (best - worst)


def plateau(low: float, high: float, width: float) -> Scale:
    """50 at both ends, 100 between."""
    return lambda value: 100 * sigmoid(value, low, width) * (1 - sigmoid(value, high, width))


def from_middle(offset: float) -> float:
    """100 in the middle, 0 at the edge, half a picture away."""
    return 100 * (1 - 2 * abs(offset))


def cosine_squared(degrees: float) -> float:
    """None from a right angle on."""
    return 100 * math.cos(math.radians(degrees)) ** 2 if abs(degrees) < 90 else 0.0


def root(part: float) -> float:
    """The third root, about, of a part of one."""
    return 100 * math.pow(max(0.0, part), 0.3)


def dark(part: float) -> float:
    """Falls where nearly all of the face is dark."""
    return 120 * (0.832 - sigmoid(part, 0.92, 0.05))


def burnt_out(part: float) -> float:
    """100 for nothing, 50 for a hundredth of the face, 9 for a tenth."""
    return 1 / (max(0.0, part) + 0.01)


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
