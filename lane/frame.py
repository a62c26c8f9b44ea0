"""A picture with camera, sequence and capture time."""

from dataclasses import dataclass
from datetime import datetime

from models.face import ImageBGR


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One camera frame. The monotonic clock tells its age: a jump of the wall clock hides nothing."""

    camera: str
    sequence: int
    captured_at: datetime
    """Aware, UTC."""
    captured_monotonic_s: float
    image_bgr: ImageBGR
