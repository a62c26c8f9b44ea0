"""From stored values to light: luminance, and colour as people see it."""

import math
from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from models.values.face import ImageBGR

Colour: TypeAlias = tuple[float, float, float]
"""Blue, green and red of sRGB, each from 0 to 255."""

# sRGB to XYZ for the white point D50 (Bradford), over that white; rows X, Y, Z, columns red, green, blue
_TO_XYZ = ((0.43605, 0.38508, 0.14309), (0.22249, 0.71689, 0.06062), (0.01393, 0.09710, 0.71419))
_WHITE = (0.964221, 1.0, 0.825211)


def luminance(picture_bgr: ImageBGR) -> NDArray[np.uint8]:
    """Relative luminance, 0 to 255, of an sRGB picture: the camera's gamma undone, as the standard has it."""
    return np.asarray(cv2.transform(cv2.LUT(picture_bgr, _linear()), _WEIGHTS), np.uint8)


_WEIGHTS = np.array([[0.0722, 0.7152, 0.2126, 0.5]], np.float32)
"""The last is added, and rounds."""


@cache
def _linear() -> NDArray[np.float32]:
    return np.array([linear(value / 255) * 255 for value in range(256)], np.float32)


def linear(value: float) -> float:
    """From sRGB to light, both 0 to 1 (IEC 61966-2-1)."""
    return float(((value + 0.055) / 1.055) ** 2.4) if value > 0.04045 else value / 12.92


def lab(colour: Colour) -> tuple[float, float, float]:
    """L*, a* and b*."""
    blue, green, red = (linear(one / 255) for one in colour)
    x, y, z = (
        _lightness((of_red * red + of_green * green + of_blue * blue) / white)
        for (of_red, of_green, of_blue), white in zip(_TO_XYZ, _WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _lightness(light: float) -> float:
    return math.cbrt(light) if light > 216 / 24389 else (24389 / 27 * light + 16) / 116
