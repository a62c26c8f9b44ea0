"""The frequencies of a face as the camera took it: no pixel was moved or averaged before."""

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from models.liveness.frames import Look, Plane, of_each
from models.values.measurement import NotAssessed

SIZE = 128
TOO_SMALL = NotAssessed("the face is too small or cut")
FREQUENCY: Plane = (np.hypot(*(np.mgrid[:SIZE, :SIZE] - SIZE // 2)) / SIZE).astype(np.float32)
"""In cycles for each pixel, of each place of `spectrum`."""


def native(look: Look) -> Plane | None:
    """128×128 grey levels of the face as the camera took them; None where there are not so many."""
    x, y = np.rint(look.face.landmarks[:3].mean(0) - SIZE / 2).astype(int)
    height, width = look.image_bgr.shape[:2]
    if look.eyes_apart_px * 4 < SIZE or not (0 <= x <= width - SIZE and 0 <= y <= height - SIZE):
        return None
    cut = look.image_bgr[y : y + SIZE, x : x + SIZE]
    return np.asarray(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), np.float32)


def of_spectra(looks: Sequence[Look], name: str, value: Callable[[Plane], float]) -> list[float]:
    """A cue's value of the spectrum of each look that is large enough, kept with the look."""
    found = of_each(looks, name, partial(_valued, value))
    return [one for one in found if one is not None]


def _valued(value: Callable[[Plane], float], look: Look) -> float | None:
    power = look.once("spectrum", partial(_of, look))
    return None if power is None else value(power)


def _of(look: Look) -> Plane | None:
    patch = native(look)
    return None if patch is None else spectrum(patch)


def spectrum(patch: Plane) -> Plane:
    """Log10 of the power by frequency, windowed: SIZE×SIZE, zero frequency in the middle."""
    power = np.abs(np.fft.fftshift(np.fft.fft2((patch - patch.mean()) * _WINDOW))) ** 2
    return np.asarray(np.log10(power + 1), np.float32)


_WINDOW = np.outer(np.hanning(SIZE), np.hanning(SIZE))
