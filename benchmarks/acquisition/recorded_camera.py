"""Recorded frames as a lane's camera, with the clock that goes with them: the recording's time is all."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from lane.cameras.frame import Frame
from models.values.face import ImageBGR

STARTED = datetime(2000, 1, 1, tzinfo=UTC)


class Replay:
    """A camera (`FrameSource`) and a clock (`Clock`) in one: each frame is fresh when it is handed out."""

    def __init__(self, images_bgr: Iterable[ImageBGR], interval_s: float) -> None:
        self._images_bgr, self._interval_s = images_bgr, interval_s
        self._passed_s = 0.0

    def frames(self) -> Iterator[Frame]:
        """In order, `interval_s` apart."""
        for number, image_bgr in enumerate(self._images_bgr):
            self._passed_s = number * self._interval_s
            yield Frame("recording", number, self.now(), self._passed_s, image_bgr)

    def now(self) -> datetime:
        """When the latest frame was taken, in the recording's own time."""
        return STARTED + timedelta(seconds=self._passed_s)

    def today(self) -> date:
        return self.now().date()

    def monotonic_s(self) -> float:
        return self._passed_s

    def sleep(self, seconds: float) -> None:
        self._passed_s += seconds
