"""Moiré: single frequencies that stand out of a face's spectrum, as those of a screen or a raster do."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from models.liveness.frames import Look, Plane, middle_of
from models.liveness.spectrum import FREQUENCY, TOO_SMALL, of_spectra
from models.values.measurement import Measure

LOWEST, HIGHEST = 0.12, 0.5
"""Cycles for each pixel of the camera: below lies the face itself."""
RINGS = 24


def moire(looks: Sequence[Look]) -> Measure:
    """Decades, from 0: how far the strongest frequency lies above the median of its ring (over looks)."""
    return middle_of(of_spectra(looks, "moire", _strongest), TOO_SMALL)


def _strongest(power: Plane) -> float:
    flat = power.ravel()
    return max(float(flat[ring].max() - np.median(flat[ring])) for ring in _RINGS)


_RINGS = [
    np.flatnonzero((low <= FREQUENCY) & (high > FREQUENCY))
    for low, high in pairwise(np.linspace(LOWEST, HIGHEST, RINGS + 1))
]
