import math
from statistics import fmean

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import InferenceError
from models.quality.face_view import AT_THE_EDGE, FaceView
from models.values.face import Box, ImageBGR

BLOCK = 8
"""Side of the squares that JPEG and MPEG compress one by one."""
LARGEST = 192
"""Pixels along each side of the part that is looked at, from the middle of the face."""
SMALLEST = 3 * BLOCK


def compression(view: FaceView) -> float:
    """From about 1, none: how much larger the steps between blocks of 8×8 pixels are than those inside.

    Stands in for ISO/IEC 29794-5 *Compression artifacts*, a network. One grey value is added to both, so that
    a flat picture gives 1. It sees what was compressed at its present size and place: a picture that was
    scaled or cut since, and a film whose decoder smooths its blocks, give 1 however poor they are.
    """
    box = view.face.box_in_image
    part = _middle(view.image_bgr, box) if _finite(box) else view.image_bgr[:0]
    if min(part.shape[:2]) < SMALLEST:
        raise InferenceError(AT_THE_EDGE)
    grey = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)
    between, inside = (fmean(steps) for steps in zip(_steps(grey, 0), _steps(grey, 1), strict=True))
    return (between + 1) / (inside + 1)


def _finite(box: Box) -> bool:
    return all(math.isfinite(one) for one in (box.x, box.y, box.width, box.height))


def _middle(image_bgr: ImageBGR, box: Box) -> ImageBGR:
    """The middle of the face, from the corner of a block on."""
    height, width = min(LARGEST, int(box.height)), min(LARGEST, int(box.width))
    top = max(0, int(box.y + (box.height - height) / 2)) // BLOCK * BLOCK
    left = max(0, int(box.x + (box.width - width) / 2)) // BLOCK * BLOCK
    return image_bgr[top : top + max(0, height), left : left + max(0, width)]


def _steps(grey: NDArray[np.uint8], axis: int) -> tuple[float, float]:
    """Mean absolute step to the pixel below (0) or beside (1): across the border of blocks, and inside."""
    whole = (grey.shape[axis] - 1) // BLOCK * BLOCK
    pair = (grey[:whole], grey[1 : whole + 1]) if axis == 0 else (grey[:, :whole], grey[:, 1 : whole + 1])
    steps = cv2.absdiff(*pair)
    borders = steps[BLOCK - 1 :: BLOCK] if axis == 0 else steps[:, BLOCK - 1 :: BLOCK]
    between, anywhere = cv2.mean(borders)[0], cv2.mean(steps)[0]
    return between, (BLOCK * anywhere - between) / (BLOCK - 1)
