"""The frequencies of a face as the camera took it: no pixel was moved or averaged before.

A picture of a picture has lost some of the finest structure; a screen or a raster adds single frequencies.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import cv2
import numpy as np

from models.liveness.frames import Look, Plane, middle_of, of_each

SIZE = 128
TOO_SMALL = "the face is too small or cut"
FREQUENCY: Plane = (np.hypot(*(np.mgrid[:SIZE, :SIZE] - SIZE // 2)) / SIZE).astype(np.float32)
"""In cycles for each pixel of the camera, of each place of `spectrum`."""
FINE, COARSE = (0.25, 0.5), (0.06, 0.15)
"""Bands, in cycles for each pixel."""
LOWEST, HIGHEST, RINGS = 0.12, 0.5, 24
"""Of what may stand out, in cycles for each pixel: below lies the face itself."""


def detail(looks: Sequence[Look]) -> float:
    """Decades, mostly below 0: power of the fine band over that of the coarse one (median over looks)."""
    return _of_spectra(looks, "detail", _ratio)


def moire(looks: Sequence[Look]) -> float:
    """Decades, from 0: how far the strongest frequency lies above the median of its ring (over looks)."""
    return _of_spectra(looks, "moire", _strongest)


def _ratio(power: Plane) -> float:
    fine, coarse = (float(power[band].mean()) for band in _BANDS)
    return fine - coarse


_BANDS = [(low <= FREQUENCY) & (high > FREQUENCY) for low, high in (FINE, COARSE)]


def _strongest(power: Plane) -> float:
    flat = power.ravel()
    return max(float(flat[ring].max() - np.median(flat[ring])) for ring in _RINGS)


_RINGS = [
    np.flatnonzero((low <= FREQUENCY) & (high > FREQUENCY))
    for low, high in pairwise(np.linspace(LOWEST, HIGHEST, RINGS + 1))
]


def _of_spectra(looks: Sequence[Look], name: str, value: Callable[[Plane], float]) -> float:
    """The median of a cue's value over the looks that are large enough, kept with each look."""
    found = of_each(looks, name, partial(_valued, value))
    return middle_of([one for one in found if one is not None], TOO_SMALL)


def _valued(value: Callable[[Plane], float], look: Look) -> float | None:
    power = look.once("spectrum", partial(_spectrum_of, look))
    return None if power is None else value(power)


def _spectrum_of(look: Look) -> Plane | None:
    """Of 128×128 grey levels of the face as the camera took them; None where there are not so many."""
    x, y = np.rint(look.face.landmarks[:3].mean(0) - SIZE / 2).astype(int)
    height, width = look.image_bgr.shape[:2]
    if look.eyes_apart_px * 4 < SIZE or not (0 <= x <= width - SIZE and 0 <= y <= height - SIZE):
        return None
    cut = look.image_bgr[y : y + SIZE, x : x + SIZE]
    return spectrum(np.asarray(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), np.float32))


def spectrum(patch: Plane) -> Plane:
    """Log10 of the power by frequency, windowed: SIZE×SIZE, zero frequency in the middle."""
    power = np.abs(np.fft.fftshift(np.fft.fft2((patch - patch.mean()) * _WINDOW))) ** 2
    return np.asarray(np.log10(power + 1), np.float32)


_WINDOW = np.outer(np.hanning(SIZE), np.hanning(SIZE))
