"""A camera of drawn frames at a steady pace, whatever the lane does meanwhile.

A frame is captured when it is due, not when it is asked for. One that came while the lane was busy is as old
as it is once the lane has it, and older ones are passed over: no wait is left out of what is measured.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np

from lane.cameras.frame import Frame
from lane.platform.clock import Clock
from models.values.face import ImageBGR


class PacedCamera:
    """See `lane.cameras.port.FrameSource`: each capture begins with the film's first frame, and goes there
    and back.

    `captured_s` and `passed_over` are of the capture under way, or of the last one.
    """

    def __init__(self, film: Sequence[ImageBGR], frames_per_second: float, clock: Clock) -> None:
        self._film, self._rate, self._clock = (*film, *film[::-1]), frames_per_second, clock
        self._began_s = clock.monotonic_s()
        self.captured_s: list[float] = []
        """When each frame that the lane had was captured, by the clock that never jumps."""
        self.passed_over = 0
        """Frames that came while the lane was busy with another: the newest wins."""

    def frames(self) -> Iterator[Frame]:
        """One capture's, the newest each time, none twice."""
        self.captured_s, self.passed_over = [], 0
        first = last = self._newest() - 1
        while True:
            number = max(last + 1, self._newest())
            self.passed_over += number - last - 1
            yield self._frame(number, self._film[(number - first - 1) % len(self._film)])
            last = number

    def _newest(self) -> int:
        """The number of the last frame that is due, from 1."""
        return 1 + int((self._clock.monotonic_s() - self._began_s) * self._rate)

    def _frame(self, number: int, picture: ImageBGR) -> Frame:
        due_s = self._began_s + (number - 1) / self._rate
        if (early_s := due_s - self._clock.monotonic_s()) > 0:
            self._clock.sleep(early_s)
        self.captured_s.append(due_s)
        image_bgr = np.array(picture)  # a lane copies each frame from a camera's shared memory, too
        age = timedelta(seconds=self._clock.monotonic_s() - due_s)
        return Frame("paced", number, self._clock.now() - age, due_s, image_bgr)
