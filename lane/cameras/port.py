from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from lane.cameras.frame import Frame
from lane.cameras.health import CameraStatus


class FrameSource(Protocol):
    def frames(self) -> Iterator[Frame]:
        """Frames of one capture, oldest first, until the caller stops.

        Waits for a frame only for a bounded time, then raises CameraError: a camera that hangs is lost.
        """
        ...


@runtime_checkable
class StatusSource(FrameSource, Protocol):
    """A camera that is read all the time, and knows its status between captures too."""

    def status(self) -> CameraStatus: ...
