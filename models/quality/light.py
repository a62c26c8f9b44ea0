"""From stored values to light: luminance, and colour as people see it."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import ImageBGR

# sRGB to XYZ for the white point D50 (Bradford), over that white; rows X, Y, Z, columns red, green, blue
_TO_XYZ = np.array([[0.43605, 0.38508, 0.14309], [0.22249, 0.71689, 0.06062], [0.01393, 0.09710, 0.71419]])
_WHITE = np.array([0.964221, 1.0, 0.825211])


def luminance(picture_bgr: ImageBGR) -> NDArray[np.uint8]:
    """Relative luminance, 0 to 255, of an sRGB picture: the camera's gamma undone, as the standard has it."""
    light = cv2.transform(cv2.LUT(picture_bgr, _linear()), _WEIGHTS).reshape(picture_bgr.shape[:2])
    return np.asarray(light + 0.5, np.uint8)


_WEIGHTS = np.array([[0.0722, 0.7152, 0.2126]], np.float32)


@cache
def _linear() -> NDArray[np.float32]:
    return (linear(np.arange(256) / 255) * 255).astype(np.float32)


def linear(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """From sRGB to light, both 0 to 1 (IEC 61966-2-1)."""
    return np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)


def lab(colours_bgr: NDArray[np.float64]) -> NDArray[np.float64]:
    """N×3: L*, a* and b* of N×3 sRGB colours with channels from 0 to 255, blue first."""
    light = linear(colours_bgr[:, ::-1] / 255) @ _TO_XYZ.T / _WHITE
    x, y, z = np.where(light > 216 / 24389, np.cbrt(light), (24389 / 27 * light + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
