import math
from statistics import fmean, median

from models.quality.components import EYE_CLEAR, EYE_GONE, MOUTH_CLEAR, MOUTH_GONE
from models.quality.face_view import FaceView

SKIN_SAME, SKIN_OTHER = 12.0, 30.0
"""Distances in a* and b* (CIELAB)."""


def eyes_visible(view: FaceView) -> float:
    """0, nothing to be seen, to 1: the contrast of the eye that is seen less.

    Stands in for ISO/IEC 29794-5 *Eyes visible*, the part of an eye's zone that a network takes for covered.
    """
    return min(view.features.right_eye, view.features.left_eye)


def mouth_visible(view: FaceView) -> float:
    """0, nothing to be seen, to 1: the contrast of the mouth from row to row.

    Stands in for ISO/IEC 29794-5 *Mouth occlusion prevention*, likewise by a network.
    """
    return view.features.mouth


def occlusion(view: FaceView) -> float:
    """0 to 1: the part of the face that something covers: each eye, the mouth, the cheeks, nose and chin.

    Stands in for ISO/IEC 29794-5 *Face occlusion prevention*, the part of the face that a network takes for
    covered. An eye or the mouth is covered as far as its contrast is gone, a piece of skin as far as its
    colour is not that of most others: a cheek behind something of the colour of skin is not found.
    """
    seen = view.features
    covered = [
        1 - _part(seen.right_eye, EYE_GONE, EYE_CLEAR),
        1 - _part(seen.left_eye, EYE_GONE, EYE_CLEAR),
        1 - _part(seen.mouth, MOUTH_GONE, MOUTH_CLEAR),
    ]
    most = (median(a for a, _ in view.skin), median(b for _, b in view.skin))
    covered += [_part(math.dist(one, most), SKIN_SAME, SKIN_OTHER) for one in view.skin]
    return fmean(covered)


def _part(value: float, low: float, high: float) -> float:
    """0 up to the low value, 1 from the high one on."""
    return max(0.0, min(1.0, (value - low) / (high - low)))
