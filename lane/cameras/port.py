"""What a camera is to the lane: a source of frames, and one that can tell of its own health."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from lane.cameras.frame import Frame
from lane.cameras.health import Camera


class FrameSource(Protocol):
    """A camera."""

    def frames(self) -> Iterator[Frame]:
        """Frames of one capture, oldest first, until the caller stops.

        Waits for a frame only for a bounded time, then raises CameraError: a camera that hangs is lost.
        """
        ...


@runtime_checkable
class TellingSource(FrameSource, Protocol):
    """A camera that is read all the time, and tells how it does between captures too."""

    def told(self) -> Camera:
        """How it does now; may be asked from any thread."""
        ...
