"""Detail: what is left of a face's finest structure. A picture of a picture has lost some of it."""

from collections.abc import Sequence

from models.liveness.frames import Look, Plane, middle_of
from models.liveness.spectrum import FREQUENCY, TOO_SMALL, of_spectra
from models.values.measurement import Measure

FINE, COARSE = (0.25, 0.5), (0.06, 0.15)
"""Bands in cycles for each pixel of the camera."""


def detail(looks: Sequence[Look]) -> Measure:
    """Decades, mostly below 0: power of the fine band over that of the coarse one (median over looks)."""
    return middle_of(of_spectra(looks, "detail", _ratio), TOO_SMALL)


def _ratio(power: Plane) -> float:
    fine, coarse = (float(power[band].mean()) for band in _BANDS)
    return fine - coarse


_BANDS = [(low <= FREQUENCY) & (high > FREQUENCY) for low, high in (FINE, COARSE)]
