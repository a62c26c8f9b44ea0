"""What a picture itself tells: edges around the face, whether they move along, its frequencies and colours.

A held paper or a screen has straight edges and moves its surroundings along. A picture of a picture has lost
some of the finest structure; a screen or a raster adds single frequencies. Ink and screens have fewer colours
than skin, lips and eyes. Skin shines in small spots, paper and glass in large ones or none.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import cv2
import numpy as np

from models.detect.align import ARCFACE_112, Layout, align
from models.liveness.frames import NO_MOVEMENT, Look, Plane, inner, middle_of, middle_of_each, of_each

_EYES = 32
_SCALE = _EYES / float(np.linalg.norm(ARCFACE_112.landmarks[0] - ARCFACE_112.landmarks[1]))
_MIDDLE = (ARCFACE_112.landmarks[0] + ARCFACE_112.landmarks[1]) / 2
AROUND = Layout("around-192", 192, ((ARCFACE_112.landmarks - _MIDDLE) * _SCALE + [96, 88]).astype(np.float32))
"""192×192 around a face, eyes 32 px apart and their middle at (96, 88): three eye distances to each side."""
FROM_HEAD: Plane = np.hypot(
    *[
        (axis - middle) / half
        for axis, middle, half in zip(np.mgrid[:192, :192], (98, 96), (40, 32), strict=True)
    ]
).astype(np.float32)
"""Of `AROUND`: how far from the head's middle, where 1 is about its outline."""
EDGES = (FROM_HEAD >= 1.2) & (FROM_HEAD <= 2.7)
"""Of `AROUND`: around the head, as far as a photograph reaches."""
RING = (FROM_HEAD >= 1.35) & (FROM_HEAD <= 2.4) & (np.arange(192)[:, None] <= 130)
"""Of `AROUND`: beyond ears and hair, above the shoulders."""
LONGEST_GAP_PX, SHORTEST_PX = 3, 40
LOW, HIGH = 40, 120
"""Of Canny's detector, on grey levels."""
LEAST_MOVED = 0.06
"""Eye distances from look to look: less movement than this is not judged."""
BLUR_PX = 1.5

SIZE = 128
TOO_SMALL = "the face is too small or cut"
FREQUENCY: Plane = (np.hypot(*(np.mgrid[:SIZE, :SIZE] - SIZE // 2)) / SIZE).astype(np.float32)
"""In cycles for each pixel of the camera, of each place of `_spectrum_of`."""
FINE, COARSE = (0.25, 0.5), (0.06, 0.15)
"""Bands, in cycles for each pixel."""
LOWEST, HIGHEST, RINGS = 0.12, 0.5, 24
"""Of what may stand out, in cycles for each pixel: below lies the face itself."""
_BANDS = [(low <= FREQUENCY) & (high > FREQUENCY) for low, high in (FINE, COARSE)]
_RINGS = [
    np.flatnonzero((low <= FREQUENCY) & (high > FREQUENCY))
    for low, high in pairwise(np.linspace(LOWEST, HIGHEST, RINGS + 1))
]
_WINDOW = np.outer(np.hanning(SIZE), np.hanning(SIZE))

INSIDE = (slice(60, 200), slice(50, 174))
"""Rows and columns of `frames.INNER`."""


def border(looks: Sequence[Look]) -> float:
    """From 0: summed length of straight edges beside and above the head, in eye distances (median)."""
    return middle_of_each(looks, "border", _length)


def surroundings(looks: Sequence[Look]) -> float:
    """Natural logarithm, above 0 where they go with the face: change in place over change with the face.

    In a ring around the head, above the chin; median over looks that follow one another.
    """
    return middle_of([_kept(one, next_) for one, next_ in pairwise(looks) if _moved(one, next_)], NO_MOVEMENT)


def detail(looks: Sequence[Look]) -> float:
    """Decades, mostly below 0: power of the fine band over that of the coarse one (median over looks)."""
    return _of_spectra(looks, "detail", _ratio)


def moire(looks: Sequence[Look]) -> float:
    """Decades, from 0: how far the strongest frequency lies above the median of its ring (over looks)."""
    return _of_spectra(looks, "moire", _strongest)


def colours(looks: Sequence[Look]) -> float:
    """From 0: spread of the face's two colour differences (Cr, Cb), in grey levels (median over looks)."""
    return middle_of_each(looks, "colours", _spread)


def shading(looks: Sequence[Look]) -> float:
    """From 0: spread of the face's brightness over its mean: a face in the round has lit and unlit sides."""
    return middle_of_each(looks, "shading", _contrast)


def highlights(looks: Sequence[Look]) -> float:
    """From 0: how far the brightest hundredth of the face lies above its middle, over its spread (median)."""
    return middle_of_each(looks, "highlights", _excess)


def _length(look: Look) -> float:
    grey = _around(look).astype(np.uint8)
    inside = cv2.erode((grey > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0  # not the image's edge
    edges = cv2.Canny(grey, LOW, HIGH)
    edges[~(EDGES & inside)] = 0
    lines = cv2.HoughLinesP(edges, 1, np.pi / 180, 28, None, SHORTEST_PX, LONGEST_GAP_PX)
    if lines is None:
        return 0.0
    ends = lines.reshape(-1, 4).astype(np.float64)
    return float(np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]).sum()) / _EYES


def _moved(one: Look, next_: Look) -> bool:
    way = np.abs(next_.face.landmarks - one.face.landmarks).max()
    return bool(way >= LEAST_MOVED * one.eyes_apart_px > 0)


def _kept(one: Look, next_: Look) -> float:
    """With the later look, by when the earlier was: not the earlier itself, and its image, for good."""
    return next_.once(f"beside the look at {one.at_s}", partial(_with_face, one, next_))


def _with_face(one: Look, next_: Look) -> float:
    before = _around(one)
    with_face, where_it_was = _around(next_), _crop(next_, one)
    return float(np.log((_change(before, where_it_was) + 1) / (_change(before, with_face) + 1)))


def _around(look: Look) -> Plane:
    return look.once("around", partial(_crop, look, look))


def _crop(look: Look, place: Look) -> Plane:
    """192×192 grey levels of `look`, where the face of `place` is. InferenceError for no face."""
    crop = align(look.image_bgr, place.face.landmarks, AROUND).image_bgr
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.float32)


def _change(one: Plane, other: Plane) -> float:
    """Mean difference in the ring, brightness apart; where the image ends both are black."""
    shown = RING & (one > 0) & (other > 0)
    if shown.sum() < RING.sum() / 8:
        return 0.0
    difference = (cv2.GaussianBlur(one, (0, 0), BLUR_PX) - cv2.GaussianBlur(other, (0, 0), BLUR_PX))[shown]
    return float(np.abs(difference - np.median(difference)).mean())


def _of_spectra(looks: Sequence[Look], name: str, value: Callable[[Plane], float]) -> float:
    """The median of a cue's value over the looks that are large enough, kept with each look."""
    found = of_each(looks, name, partial(_valued, value))
    return middle_of([one for one in found if one is not None], TOO_SMALL)


def _valued(value: Callable[[Plane], float], look: Look) -> float | None:
    power = look.once("spectrum", partial(_spectrum_of, look))
    return None if power is None else value(power)


def _spectrum_of(look: Look) -> Plane | None:
    """Of 128×128 grey levels of the face as the camera took them, with no pixel moved or averaged before.

    Log10 of the power by frequency, windowed, zero frequency in the middle; None where there are not so many.
    """
    x, y = np.rint(look.face.landmarks[:3].mean(0) - SIZE / 2).astype(int)
    height, width = look.image_bgr.shape[:2]
    if look.eyes_apart_px * 4 < SIZE or not (0 <= x <= width - SIZE and 0 <= y <= height - SIZE):
        return None
    cut = look.image_bgr[y : y + SIZE, x : x + SIZE]
    patch = np.asarray(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), np.float32)
    power = np.abs(np.fft.fftshift(np.fft.fft2((patch - patch.mean()) * _WINDOW))) ** 2
    return np.asarray(np.log10(power + 1), np.float32)


def _ratio(power: Plane) -> float:
    fine, coarse = (float(power[band].mean()) for band in _BANDS)
    return fine - coarse


def _strongest(power: Plane) -> float:
    flat = power.ravel()
    return max(float(flat[ring].max() - np.median(flat[ring])) for ring in _RINGS)


def _spread(look: Look) -> float:
    ycc = cv2.cvtColor(inner(look), cv2.COLOR_BGR2YCrCb)[INSIDE].reshape(-1, 3)
    return float(np.hypot(ycc[:, 1].std(), ycc[:, 2].std()))


def _contrast(look: Look) -> float:
    smooth = cv2.GaussianBlur(_grey(look), (0, 0), 8)
    return float(smooth.std() / max(float(smooth.mean()), 1.0))


def _excess(look: Look) -> float:
    low, middle, high, top = np.percentile(_grey(look), (10, 50, 90, 99))
    return float((top - middle) / max(high - low, 1.0))


def _grey(look: Look) -> Plane:
    return cv2.cvtColor(inner(look), cv2.COLOR_BGR2GRAY)[INSIDE].astype(np.float32)
