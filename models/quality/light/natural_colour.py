"""Does the skin have a colour that skin has."""

import math

from models.quality.view.colour_space import lab
from models.quality.view.face_view import FaceView
from models.values.measurement import Measure, NotAssessed, measured

FARTHEST = 100.0
"""What the standard gives to a colour that is greener or bluer than grey."""
A_RANGE, B_RANGE = (5, 25), (5, 35)
"""The standard's: a* and b* of skin in light that is not coloured."""


def natural_colour(view: FaceView) -> Measure:
    """0, natural, to 100: how far the cheeks' mean a* and b* (CIELAB) lie outside those of skin.

    ISO/IEC 29794-5 *Natural colour*, as the standard has it. A camera without colour gives 7; CASIA-FaceV5's,
    whose skin is greenish, gives 100 and is recognised all the same. No limit is shipped.
    """
    if isinstance(view.cheeks_colour, NotAssessed):
        return view.cheeks_colour
    _, a, b = lab(view.cheeks_colour)
    if a < 0 or b < 0:
        return measured(FARTHEST)
    return measured(math.hypot(_outside(a, A_RANGE), _outside(b, B_RANGE)))


def _outside(value: float, allowed: tuple[float, float]) -> float:
    return max(0.0, allowed[0] - value, value - allowed[1])
