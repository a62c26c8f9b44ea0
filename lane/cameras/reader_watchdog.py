"""Keeps the process that reads a camera running: one that hangs is killed, one that ended is started again.

It runs all the time, also between passengers, so that the camera is ready when one comes.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from lane.cameras.health import CameraCounts
from lane.cameras.source import Source
from lane.cameras.trouble import Trouble
from lane.platform.process_supervisor import Backoff, Child, Ended, Patience, Supervisor, start_talking

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-m", "lane.cameras.reader.process")
_SECRETS = "PASSENGER_LANE_"
STEADY_S = 5.0
"""A stream that gave frames for so long works; its next trouble is a new one."""


class Watchdog:
    """A reader's process fills the feed, from now until this is closed."""

    def __init__(self, source: Source, feed: str, patience: Patience, longest_pause_s: float) -> None:
        self._source, self._feed = source, feed
        self._changed = threading.Condition()
        self.counts = CameraCounts()
        """Since the camera was opened."""
        self.stalls = 0
        """How often a reader was killed since no whole frame came in time."""
        self.trouble: Trouble | None = None
        """Why there are no frames now; None where there are, or it is being opened for the first time."""
        self.has_ended = False
        """The source has ended, and does not begin again."""
        self._reported = Trouble.DIED
        self._supervisor = Supervisor(
            "the camera's reader",
            self._start,
            patience,
            Backoff(longest_pause_s),
            hear=self._hear,
            ended=self._ended,
            log_level=logging.DEBUG,  # what is wrong with the camera is logged here, once
        )
        self._supervisor.begin()

    @property
    def pid(self) -> int | None:
        return self._supervisor.pid

    def wait(self, for_what: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until the condition holds, checked after each frame; False where it does not in time."""
        with self._changed:
            return self._changed.wait_for(for_what, max(0.0, timeout_s))

    def close(self) -> None:
        self._supervisor.close()

    def _start(self) -> Child:
        self._reported = Trouble.DIED
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
        child = start_talking([*_COMMAND, str(os.getpid())], environment)
        child.write(f"{self._feed}\n{self._source.to_json()}\n".encode())
        return child

    def _hear(self, lines: Sequence[bytes]) -> bool:
        """A sign of life is a whole frame, or one left undecoded, not long after one that was whole."""
        came = lines.count(b"+")
        self._count(came, lines.count(b"!"), lines.count(b"-"))
        for line in lines:
            if line.startswith(b"trouble "):
                self._reported = Trouble(line.removeprefix(b"trouble ").decode())
        return came > 0 or b"." in lines

    def _ended(self, how: Ended) -> None:
        self._note(Trouble.STALLED if how.hung else self._reported)
        if self.has_ended:
            self._supervisor.end()

    def _count(self, came: int, spoilt: int, skipped: int) -> None:
        with self._changed:
            now, found = self.counts, came > 0 and self.trouble is not None
            self.counts = replace(
                now,
                frames=now.frames + came,
                spoilt=now.spoilt + spoilt,
                skipped=now.skipped + skipped,
                reconnects=now.reconnects + found,
            )
            if found:
                log.warning("the camera at %s gives frames again", self._source.label)
                self.trouble = None
            self._changed.notify_all()

    def _note(self, trouble: Trouble) -> None:
        with self._changed:
            if trouble is not self.trouble:
                log.warning("the camera at %s: %s", self._source.label, trouble.advice)
            self.stalls += trouble is Trouble.STALLED
            self.trouble, self.has_ended = trouble, trouble is Trouble.ENDED
            self._changed.notify_all()
