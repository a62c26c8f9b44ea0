"""A real camera: the newest frame that its reader's process has put into the feed."""

import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Self

from lane.cameras.frame import Frame
from lane.cameras.health import CameraCounts, CameraHealth, CameraStatus
from lane.cameras.reader_watchdog import Watchdog
from lane.cameras.settings import CameraSettings
from lane.cameras.shared_memory_feed import FeedReader, FeedWriter, remove_left_over
from lane.cameras.source import AtEnd
from lane.cameras.trouble import Trouble
from lane.platform.errors import CameraError, SettingsError
from lane.platform.finding import Finding

_OBSERVED_S = 1.0
AWAKE_S = 10.0
"""Longer than the shipped policy's longest capture."""
_BOUNDARY_S = 0.1


class RealCamera:
    """See `lane.cameras.port.FrameSource`. Reads from now until it is closed, whether somebody looks or not.

    Once nobody has looked for `awake_s` it rests: it makes pictures of a few frames a second, and does not
    decode the others where each frame stands for itself (MJPEG, raw pictures, folders). `awake_s` is as long
    as a capture may last, so that it rests in none. `feed` is the name by which other processes see the same
    frames (`lane.cameras.shared_memory_feed.FeedReader`). Raises CameraError where there is too little
    shared memory, SettingsError without a source.
    """

    def __init__(self, settings: CameraSettings, lane: str, awake_s: float = AWAKE_S) -> None:
        if settings.source is None:
            raise SettingsError(
                "camera.source: name the camera, such as /dev/video0 or rtsp://10.0.0.7/stream"
            )
        self._settings, self._source = settings, settings.to_source()
        prefix = f"passenger-lane-{lane}-{settings.name}."
        remove_left_over(prefix)
        self.feed = f"{prefix}{os.getpid()}.{secrets.token_hex(4)}"
        self._memory = FeedWriter(self.feed, settings.max_pixels, 1)
        self._frames = FeedReader(self.feed)
        self._awake_s, self._awake_until_s, self._rested_through = awake_s, 0.0, 0
        self.wake()
        self._watchdog = Watchdog(self._source, self.feed, settings.patience(), settings.retry_s)
        self.missed = 0
        """Frames that came while a capture was busy with another: the newest wins."""
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        self._watchdog.close()
        self._frames.close()
        self._memory.close()

    @property
    def counts(self) -> CameraCounts:
        """Since the camera was opened."""
        return self._watchdog.counts

    def wake(self) -> None:
        """A capture runs or begins soon: all frames are decoded."""
        now_s = time.monotonic()
        if now_s > self._awake_until_s - _BOUNDARY_S:  # so close to it the reader may rest already
            self._rested_through = self._frames.sequence
        self._awake_until_s = now_s + self._awake_s
        self._memory.look_until(round(self._awake_until_s * 1e9))

    def frames(self) -> Iterator[Frame]:
        """The newest frame each time, none twice, and none from while the camera rested.

        The stream check goes by the time from one frame to the next, which at rest is not the camera's.
        """
        last = 0
        while (frame := self._next(last)) is not None:
            self.missed += frame.sequence - last - 1 if last else 0
            last = frame.sequence
            yield frame

    def _next(self, last: int) -> Frame | None:
        self.wake()
        last, until_s = max(last, self._rested_through), time.monotonic() + self._settings.wait_s
        while True:
            frame = self._frames.newest(last)
            if frame is not None and time.monotonic() - frame.captured_monotonic_s <= self._settings.stall_s:
                return replace(frame, camera=self._settings.name)
            last = max(last, self._frames.sequence if frame is None else frame.sequence)
            if self._watchdog.has_ended and self._frames.sequence <= last:
                if self._settings.at_end is AtEnd.END:
                    return None
                raise self._error(Trouble.ENDED)
            self._await(last, until_s)

    def _await(self, last: int, until_s: float) -> None:
        def so() -> bool:
            return self._frames.sequence > last or self._watchdog.has_ended

        left_s = until_s - time.monotonic()
        if left_s <= 0 or not self._watchdog.wait(so, left_s):
            raise self._error(self._watchdog.trouble or Trouble.STALLED)

    def _error(self, trouble: Trouble) -> CameraError:
        return CameraError(f"{self._settings.name} ({self._source.label}): {trouble.advice}")

    def status(self) -> CameraStatus:
        if self._closed:
            return CameraStatus(CameraHealth.UNKNOWN, None)
        captured_s = self._frames.captured_monotonic_s
        age_s = None if captured_s is None else time.monotonic() - captured_s
        age_ms = None if age_s is None else max(0, round(age_s * 1000))
        trouble = self._watchdog.trouble
        return CameraStatus(self._health(trouble, age_s), age_ms, self.counts)

    def _health(self, trouble: Trouble | None, age_s: float | None) -> CameraHealth:
        if trouble is not None:
            return CameraHealth.LOST
        if age_s is None:
            return CameraHealth.UNKNOWN
        return CameraHealth.GOOD if age_s <= self._settings.stall_s else CameraHealth.STALE

    @property
    def has_ended(self) -> bool:
        """The film or folder has ended, and does not begin again."""
        return self._watchdog.has_ended

    def wait(self) -> None:
        """Wait for the first frame. Raises CameraError where there is trouble, or it takes too long."""
        self.wake()
        watchdog = self._watchdog
        watchdog.wait(lambda: self.counts.frames > 0 or watchdog.trouble is not None, self._settings.open_s)
        if self.counts.frames == 0:
            raise self._error(watchdog.trouble or Trouble.STALLED)

    def describe_stream(self) -> str:
        """Size and rate of the frames within a second, in a line. Raises CameraError where none comes."""
        self.wait()
        began, began_s = self.counts.frames, time.monotonic()
        frame = next(self.frames())
        time.sleep(_OBSERVED_S)
        rate = (self.counts.frames - began) / (time.monotonic() - began_s)
        height, width = frame.image_bgr.shape[:2]
        spoilt = f", {self.counts.spoilt} spoilt" if self.counts.spoilt else ""
        return f"{self._source.label}: {width}×{height}, {rate:.0f} frames a second{spoilt}"


def probe(settings: CameraSettings) -> list[Finding]:
    """Whether the camera gives frames now. A USB camera that a lane reads is busy."""
    if settings.source is None:
        return [Finding("camera", ok=False, said="camera.source is not set")]
    try:
        with RealCamera(settings, "check") as camera:
            return [Finding("camera", ok=True, said=camera.describe_stream())]
    except CameraError as error:
        return [Finding("camera", ok=False, said=str(error))]
