"""A real camera: the newest frame that its reader's process has put into the feed.

That process runs all the time, also between passengers, so that the camera is ready when one comes; one that
hangs is killed, and one that ended is started again.
"""

import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Self

from lane.cameras.frame import Frame
from lane.cameras.health import CameraCounts, CameraHealth, CameraStatus
from lane.cameras.settings import CameraSettings
from lane.cameras.shared_memory_feed import FeedReader, FeedWriter, remove_left_over
from lane.cameras.source import AtEnd, Source, Trouble
from lane.platform.errors import CameraError
from lane.platform.finding import Finding
from lane.platform.process_supervisor import Backoff, Child, Ended, Patience, Supervisor, start_talking

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-m", "lane.cameras.reader.process")
STEADY_S = 5.0
"""A stream that gave frames for so long works; its next trouble is a new one."""
_OBSERVED_S = 1.0
AWAKE_S = 10.0
"""Longer than the shipped policy's longest capture."""
_BOUNDARY_S = 0.1


class Watchdog:
    """A reader's process fills the feed, from now until its supervisor is closed."""

    def __init__(self, source: Source, feed: str, patience: Patience, longest_pause_s: float) -> None:
        self._source, self._feed = source, feed
        self._changed = threading.Condition()
        self.counts = CameraCounts()
        """Since the camera was opened."""
        self.trouble: Trouble | None = None
        """Why there are no frames now; None where there are, or it is being opened for the first time."""
        self.has_ended = False
        """The source has ended, and does not begin again."""
        self._reported = Trouble.DIED
        self.supervisor = Supervisor(
            "the camera's reader",
            self._start,
            patience,
            Backoff(longest_pause_s),
            hear=self._hear,
            ended=self._ended,
            log_level=logging.DEBUG,  # what is wrong with the camera is logged here, once
        )
        self.supervisor.begin()

    def wait(self, for_what: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until the condition holds, checked after each frame; False where it does not in time."""
        with self._changed:
            return self._changed.wait_for(for_what, max(0.0, timeout_s))

    def _start(self) -> Child:
        self._reported = Trouble.DIED
        hidden = "PASSENGER_LANE_"  # secrets are among these
        environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        child = start_talking([*_COMMAND, str(os.getpid())], environment)
        child.write(f"{self._feed}\n{self._source.to_json()}\n".encode())
        return child

    def _hear(self, lines: Sequence[bytes]) -> bool:
        """A sign of life is a whole frame, or one left undecoded, not long after one that was whole."""
        for line in lines:
            if line.startswith(b"trouble "):
                self._reported = Trouble(line.removeprefix(b"trouble ").decode())
        came = lines.count(b"+")
        with self._changed:
            now, found = self.counts, came > 0 and self.trouble is not None
            spoilt, skipped = now.spoilt + lines.count(b"!"), now.skipped + lines.count(b"-")
            self.counts = CameraCounts(now.frames + came, spoilt, skipped, now.reconnects + found)
            if found:
                log.warning("the camera at %s gives frames again", self._source.label)
                self.trouble = None
            self._changed.notify_all()
        return came > 0 or b"." in lines

    def _ended(self, how: Ended) -> None:
        trouble = Trouble.STALLED if how.hung else self._reported
        with self._changed:
            if trouble is not self.trouble:
                log.warning("the camera at %s: %s", self._source.label, trouble.advice)
            self.trouble, self.has_ended = trouble, trouble is Trouble.ENDED
            self._changed.notify_all()
        if self.has_ended:
            self.supervisor.end()


class RealCamera:
    """See `lane.cameras.port.FrameSource`. Reads from now until it is closed, whether somebody looks or not.

    Once nobody has looked for `awake_s` it rests: it makes pictures of a few frames a second, and does not
    decode the others where each frame stands for itself (MJPEG, raw pictures, folders). `awake_s` is as long
    as a capture may last, so that it rests in none. `feed` is the name by which other processes see the same
    frames (`lane.cameras.shared_memory_feed.FeedReader`). Raises CameraError where there is too little
    shared memory, SettingsError without a source.
    """

    def __init__(self, settings: CameraSettings, lane: str, awake_s: float = AWAKE_S) -> None:
        self._settings, self._source = settings, settings.to_source()
        prefix = f"passenger-lane-{lane}-{settings.name}."
        remove_left_over(prefix)
        self.feed = f"{prefix}{os.getpid()}.{secrets.token_hex(4)}"
        self._memory = FeedWriter(self.feed, settings.max_pixels, 1)
        self._frames = FeedReader(self.feed)
        self._awake_s, self._awake_until_s, self._rested_through = awake_s, 0.0, 0
        self.wake()
        patience = Patience(settings.open_s, settings.stall_s, STEADY_S)
        self._watchdog = Watchdog(self._source, self.feed, patience, settings.retry_s)
        self.missed = 0
        """Frames that came while a capture was busy with another: the newest wins."""
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        self._watchdog.supervisor.close()
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
        age_s = None if captured_s is None else max(0.0, time.monotonic() - captured_s)
        if self._watchdog.trouble is not None:
            health = CameraHealth.LOST
        elif age_s is None:
            health = CameraHealth.UNKNOWN
        else:
            health = CameraHealth.GOOD if age_s <= self._settings.stall_s else CameraHealth.STALE
        return CameraStatus(health, None if age_s is None else round(age_s * 1000), self.counts)

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
