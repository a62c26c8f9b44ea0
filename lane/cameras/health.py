from dataclasses import dataclass
from enum import StrEnum


class CameraHealth(StrEnum):
    GOOD = "good"
    STALE = "stale"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CameraCounts:
    """What a camera gave since it was opened, or within the last minutes."""

    frames: int = 0
    """Whole frames; not those that nobody decoded, since nobody looked."""
    spoilt: int = 0
    """Frames that could not be decoded."""
    skipped: int = 0
    """Frames that were not decoded, since a newer one had come."""
    reconnects: int = 0
    """How often a camera that had given frames was opened again."""

    def since(self, before: "CameraCounts") -> "CameraCounts":
        """The difference; none is below 0, also where counting began anew."""
        return CameraCounts(*(max(0, getattr(self, one) - getattr(before, one)) for one in self.__slots__))


@dataclass(frozen=True, slots=True)
class CameraStatus:
    health: CameraHealth
    frame_age_ms: int | None
    counts: CameraCounts | None = None
    """None for a camera that is read for captures alone."""
