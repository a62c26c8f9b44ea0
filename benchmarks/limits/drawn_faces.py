"""Drawn faces in several looks, lights and sharpnesses: what a network's answers are compared on.

No photograph of a person is needed and every machine draws the same, but for the last bit of OpenCV's
arithmetic. They tell whether two networks answer alike; they tell nothing about how well either knows people.
"""

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.networks.known_face import draw_face
from models.values.face import ImageBGR

Change = Callable[[ImageBGR], ImageBGR]


def _tinted(blue: float, green: float, red: float) -> Change:
    return lambda image: _pixels(image * np.array([blue, green, red]))


def _light(gain: float) -> Change:
    return lambda image: _pixels(image * gain)


def _noisy(image: ImageBGR) -> ImageBGR:
    return _pixels(image + np.random.default_rng(2021).normal(0, 6, image.shape))


def _blurred(image: ImageBGR) -> ImageBGR:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.2), np.uint8)


def _mirrored(image: ImageBGR) -> ImageBGR:
    return np.ascontiguousarray(image[:, ::-1])


def _warped(across: float, down: float, turn_deg: float) -> Change:
    """Stretched and turned about the middle of the picture."""

    def warp(image: ImageBGR) -> ImageBGR:
        height, width = image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
        turn[:, :2] = turn[:, :2] @ np.diag([across, down])
        turn[:, 2] = [width / 2, height / 2] - turn[:, :2] @ [width / 2, height / 2]
        warped = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, np.uint8)

    return warp


LOOKS: dict[str, Change] = {
    "as known": lambda image: image,
    "narrow, dark": lambda image: _tinted(0.75, 0.7, 0.7)(_warped(0.9, 1.04, 0)(image)),
    "wide, pale": lambda image: _tinted(1.15, 1.12, 1.1)(_warped(1.08, 0.97, 0)(image)),
    "long, ruddy": lambda image: _tinted(0.85, 0.9, 1.12)(_warped(0.97, 1.1, 0)(image)),
}
CONDITIONS: dict[str, Change] = {
    "plain": lambda image: image,
    "little light": _light(0.55),
    "much light": _light(1.35),
    "blurred": _blurred,
    "noisy": _noisy,
    "mirrored": _mirrored,
    "turned": _warped(1, 1, 9),
}


def drawings(width: int, height: int, *, scale: float, left: float, top: float) -> Iterator[ImageBGR]:
    """Every look in every condition, placed as `known_face.draw_face` places its face."""
    face = draw_face(width, height, scale=scale, left=left, top=top)
    for look in LOOKS.values():
        for condition in CONDITIONS.values():
            yield condition(look(face))


def _pixels(values: NDArray[np.floating[Any]]) -> ImageBGR:
    pixels: ImageBGR = np.rint(values).clip(0, 255).astype(np.uint8)
    return pixels
