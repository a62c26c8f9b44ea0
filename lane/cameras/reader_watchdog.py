"""Keeps the process that reads a camera running: one that hangs is killed, one that ended is started again.

It runs all the time, also between passengers, so that the camera is ready when one comes.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lane.cameras.source import Source
from lane.cameras.trouble import TROUBLE_TEXTS, Trouble
from lane.platform.process_supervisor import Backoff, Child, Ended, Patience, Supervisor, start_talking

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-m", "lane.cameras.reader.process")
_SECRETS = "PASSENGER_LANE_"
STEADY_S = 5.0
"""A stream that gave frames for so long works; its next trouble is a new one."""


@dataclass(frozen=True, slots=True)
class ReaderCounts:
    """Since the camera was opened."""

    frames: int = 0
    """Whole frames that came; not those that nobody decoded, since nobody looked."""
    spoilt: int = 0
    """Frames that could not be decoded."""
    skipped: int = 0
    """Frames that the reader did not decode, since a newer one had come."""
    reconnects: int = 0
    """How often a stream that had given frames was opened again."""
    stalls: int = 0
    """How often a reader was killed since no whole frame came in time."""


class Watchdog:
    """A reader's process fills the feed, from now until this is closed."""

    def __init__(self, source: Source, feed: str, patience: Patience, longest_pause_s: float) -> None:
        self._source, self._feed = source, feed
        self._news = threading.Condition()
        self._counts = ReaderCounts()
        self._trouble: Trouble | None = None
        self._said = Trouble.DIED
        self._has_ended = False
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
    def counts(self) -> ReaderCounts:
        """So far."""
        return self._counts

    @property
    def trouble(self) -> Trouble | None:
        """Why there are no frames now; None where there are, or it is being opened for the first time."""
        return self._trouble

    @property
    def has_ended(self) -> bool:
        """The source has ended, and does not begin again."""
        return self._has_ended

    @property
    def pid(self) -> int | None:
        """The reader's; None while there is none."""
        return self._supervisor.pid

    def wait(self, for_what: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until the condition holds, checked after each frame; False where it does not in time."""
        with self._news:
            return self._news.wait_for(for_what, max(0.0, timeout_s))

    def close(self) -> None:
        """End the reader. Twice is no error."""
        self._supervisor.close()

    def _start(self) -> Child:
        self._said = Trouble.DIED
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
                self._said = Trouble(line.removeprefix(b"trouble ").decode())
        return came > 0 or b"." in lines

    def _ended(self, how: Ended) -> None:
        self._note(Trouble.STALLED if how.hung else self._said)
        if self._has_ended:
            self._supervisor.end()

    def _count(self, came: int, spoilt: int, skipped: int) -> None:
        with self._news:
            now, found = self._counts, came > 0 and self._trouble is not None
            self._counts = replace(
                now,
                frames=now.frames + came,
                spoilt=now.spoilt + spoilt,
                skipped=now.skipped + skipped,
                reconnects=now.reconnects + found,
            )
            if found:
                log.warning("the camera at %s gives frames again", self._source.label)
                self._trouble = None
            self._news.notify_all()

    def _note(self, trouble: Trouble) -> None:
        with self._news:
            if trouble is not self._trouble:
                log.warning("the camera at %s: %s", self._source.label, TROUBLE_TEXTS[trouble])
            stalls = self._counts.stalls + (trouble is Trouble.STALLED)
            self._counts, self._trouble = replace(self._counts, stalls=stalls), trouble
            self._has_ended = trouble is Trouble.ENDED
            self._news.notify_all()
