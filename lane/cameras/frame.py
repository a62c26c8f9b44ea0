from dataclasses import dataclass
from datetime import datetime

import numpy as np

from models.values.face import ImageBGR


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Its age follows from the monotonic clock: a jump of the wall clock hides nothing."""

    camera: str
    sequence: int
    captured_at: datetime
    """Aware, UTC."""
    captured_monotonic_s: float
    image_bgr: ImageBGR


def same_pixels(one: ImageBGR, other: ImageBGR) -> bool:
    """Whether both pictures are the same to the pixel: two of a live sensor differ in their first rows."""
    return np.array_equal(one[:8], other[:8]) and np.array_equal(one, other)
