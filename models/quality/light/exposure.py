"""How much of a face is too dark or too bright to show anything."""

from models.quality.view.face_view import FaceView
from models.values.measurement import Measure, NotAssessed, measured

DARK = 25
"""The standard's: luminances up to here, of 255, count as dark."""
BRIGHT = 247
"""The standard's: from here on they count as burnt out."""


def under_exposure(view: FaceView) -> Measure:
    """0 to 1: the dark part of the face. ISO/IEC 29794-5 *Under-exposure prevention*.

    From brows to chin by the mesh, with eyes and mouth, as the standard has it; what covers the face is not
    left out, which the standard does by a network. Dark skin is dark by this measure too: nine tenths of a
    well-lit face of NUAA may be, and no limit is shipped.
    """
    if isinstance(view.light, NotAssessed):
        return view.light
    return measured(float(view.light[: DARK + 1].sum()))


def over_exposure(view: FaceView) -> Measure:
    """0 to 1: the burnt-out part of the face. ISO/IEC 29794-5 *Over-exposure prevention*, as above."""
    if isinstance(view.light, NotAssessed):
        return view.light
    return measured(float(view.light[BRIGHT:].sum()))
