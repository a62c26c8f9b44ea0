"""How a camera does, in plain values."""

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
    """What came from a camera: since it was opened, or within the last minutes."""

    frames: int = 0
    """Whole frames."""
    spoilt: int = 0
    """Those that could not be decoded."""
    skipped: int = 0
    """Those that nobody decoded, since a newer one had come."""
    reconnects: int = 0
    """How often it had to be opened again."""

    def since(self, before: "CameraCounts") -> "CameraCounts":
        """What was added; nothing is less than 0, also where it was counted anew."""
        return CameraCounts(*(max(0, getattr(self, one) - getattr(before, one)) for one in self.__slots__))


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera, as it tells itself, or as far as the last capture tells."""

    health: CameraHealth
    frame_age_ms: int | None
    counts: CameraCounts | None = None
    """None where nobody counts: a camera that is read for captures alone."""
