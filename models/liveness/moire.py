"""Moiré: single frequencies that stand out of a face's spectrum, as those of a screen or a raster do."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from models.liveness.look import Look, Plane, middle_of
from models.liveness.spectrum import FREQUENCY, TOO_SMALL, native, spectrum
from models.measurement import Measure

LOWEST, HIGHEST = 0.12, 0.5
"""Cycles for each pixel of the camera: below lies the face itself."""
RINGS = 24


def moire(looks: Sequence[Look]) -> Measure:
    """Decades, from 0: how far the strongest frequency lies above the median of its ring (over looks)."""
    patches = [patch for look in looks if (patch := native(look)) is not None]
    return middle_of([strongest(patch) for patch in patches], TOO_SMALL)


def strongest(patch: Plane) -> float:
    """Of 128×128 grey levels; see `moire`."""
    power = spectrum(patch)
    return max(float(power[ring].max() - np.median(power[ring])) for ring in _RINGS)


_RINGS = [
    (low <= FREQUENCY) & (high > FREQUENCY) for low, high in pairwise(np.linspace(LOWEST, HIGHEST, RINGS + 1))
]
