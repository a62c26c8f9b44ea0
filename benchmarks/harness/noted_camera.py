"""A camera's frames, and what came of each in the capture under way."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lane.cameras.frame import Frame
from lane.cameras.port import FrameSource


@dataclass(slots=True)
class Noted:
    """What came of the frames of one capture."""

    captured_s: list[float] = field(default_factory=list)
    """When each frame that the lane had was captured, by the clock that never jumps."""
    ages_ns: list[int] = field(default_factory=list)
    """From a frame's capture until the lane had it."""
    work_ns: list[int] = field(default_factory=list)
    """From a frame to the next question for one."""
    passed_over: int = 0
    """Frames that came while the lane was busy with another: the newest wins."""
    lost: int = 0
    """Frames that the lane never had, though it waited when they came."""

    @property
    def came(self) -> int:
        """Frames from the first one to the last, also those that the lane never had."""
        return len(self.captured_s) + self.passed_over + self.lost

    @property
    def lasted_s(self) -> float:
        """From the first frame to the last."""
        return self.captured_s[-1] - self.captured_s[0] if self.captured_s else 0.0

    def note_missed(self, last: Frame, frame: Frame, asked_s: float) -> None:
        """Those between two frames, by when the first of them came: frames come evenly."""
        steps = frame.sequence - last.sequence
        if steps < 1:  # the camera counts anew: how many it gave between is not known
            return
        each_s = (frame.captured_monotonic_s - last.captured_monotonic_s) / steps
        if asked_s < last.captured_monotonic_s + each_s:
            self.lost += steps - 1
        else:
            self.passed_over += steps - 1


def rate(captures: Sequence[Noted]) -> float:
    """Frames that the camera gave a second during captures; 0 where none had two frames."""
    lasted_s = sum(one.lasted_s for one in captures)
    return sum(max(0, one.came - 1) for one in captures) / lasted_s if lasted_s else 0.0


class NotedCamera:
    """See `lane.cameras.port.FrameSource`: another camera's frames. What is noted is of the last capture."""

    def __init__(self, camera: FrameSource) -> None:
        self._camera, self.noted = camera, Noted()

    def frames(self) -> Iterator[Frame]:
        """One capture's."""
        noted = self.noted = Noted()
        frames, last = self._camera.frames(), None
        while True:
            asked_s = time.monotonic()
            frame = next(frames, None)
            if frame is None:
                return
            if last is not None:
                noted.note_missed(last, frame, asked_s)
            last, had_ns = frame, time.monotonic_ns()
            noted.captured_s.append(frame.captured_monotonic_s)
            noted.ages_ns.append(had_ns - round(frame.captured_monotonic_s * 1e9))
            try:
                yield frame
            finally:  # the last one of a capture counts, too
                noted.work_ns.append(time.monotonic_ns() - had_ns)
