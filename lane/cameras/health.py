"""A camera's status, in plain values."""

from dataclasses import dataclass
from enum import StrEnum


class CameraHealth(StrEnum):
    """What is known of a camera."""

    GOOD = "good"
    STALE = "stale"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CameraCounts:
    """Frames that came from a camera: since it was opened, or within the last minutes."""

    frames: int = 0
    """Whole frames."""
    spoilt: int = 0
    """Those that could not be decoded."""
    skipped: int = 0
    """Those that nobody decoded, since a newer one had come."""
    reconnects: int = 0
    """How often it had to be opened again."""

    def since(self, before: "CameraCounts") -> "CameraCounts":
        """The difference; none is below 0, also where counting began anew."""
        return CameraCounts(*(max(0, getattr(self, one) - getattr(before, one)) for one in self.__slots__))


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """By the camera's own account, or as far as the last capture shows."""

    health: CameraHealth
    frame_age_ms: int | None
    counts: CameraCounts | None = None
    """None for a camera that is read for captures alone."""
