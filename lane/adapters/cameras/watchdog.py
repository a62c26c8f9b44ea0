"""Keeps a camera's reader at work from outside: one that hangs is killed, one that ended is started again.

It runs all the time, also between passengers, so that the camera is warm when one comes.
"""

import logging
import os
import random
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from lane.adapters.cameras.source import Source
from lane.adapters.cameras.trouble import SAID, Trouble

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-m", "lane.adapters.cameras.reader")
_SECRETS = "PASSENGER_LANE_"
_DIES_WITHIN_S = 2.0
_STEADY_S = 5.0
"""A stream that gave frames for so long works; its next trouble is a new one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds."""

    open_s: float
    """For the first frame, from the reader's start."""
    stall_s: float
    """For each frame after it."""
    retry_s: float
    """At most, before a reader is started again."""


@dataclass(frozen=True, slots=True)
class Counts:
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


@dataclass(slots=True)
class Backoff:
    """Waits that double, between half of each and the whole, so that no two lanes knock at one moment."""

    longest_s: float
    shortest_s: float = 0.2
    _tries: int = 0
    _chance: random.Random = field(default_factory=random.Random)

    def next_s(self) -> float:
        """How long to wait now."""
        whole_s = min(self.longest_s, self.shortest_s * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return whole_s * self._chance.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It works again."""
        self._tries = 0


class _Reader:
    """One reader's process, with the two pipes to it."""

    def __init__(self, source: Source, feed: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
        its_input, self._input = os.pipe()
        self._output, its_output = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [*_COMMAND, str(os.getpid())],
                stdin=its_input,
                stdout=its_output,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the lane, which then ends the reader
            )
        finally:
            os.close(its_input)
            os.close(its_output)
        self._rest = b""
        with suppress(BrokenPipeError):  # it died already, as `lines` will find
            os.write(self._input, f"{feed}\n{source.to_json()}\n".encode())

    @property
    def pid(self) -> int:
        return self._process.pid

    def lines(self, timeout_s: float) -> Sequence[str] | None:
        """What it said, waiting so long for something; None where it has ended."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        if not poll.poll(max(0.0, timeout_s) * 1000):
            return ()
        content = os.read(self._output, 1 << 16)
        if not content:
            return None
        *whole, self._rest = (self._rest + content).split(b"\n")
        return [line.decode() for line in whole]

    def kill(self) -> None:
        """Whatever it does; `lines` then ends."""
        self._process.kill()

    def end(self) -> None:
        """It is gone afterwards, unless its device's driver holds it, which no signal ends."""
        self._process.kill()
        try:
            self._process.wait(_DIES_WITHIN_S)
        except subprocess.TimeoutExpired:
            log.critical("the camera's reader %d does not die: its device's driver hangs", self.pid)
        os.close(self._input)
        os.close(self._output)


class Watchdog:
    """Has a reader fill the feed, from now until it is closed."""

    def __init__(self, source: Source, feed: str, patience: Patience) -> None:
        self._source, self._feed, self._patience = source, feed, patience
        self._backoff = Backoff(patience.retry_s)
        self._news = threading.Condition()
        self._closed = threading.Event()
        self._reader: _Reader | None = None
        self._counts = Counts()
        self._trouble: Trouble | None = None
        self._over = False
        self._thread = threading.Thread(target=self._work, name="camera-watchdog", daemon=True)
        self._thread.start()

    @property
    def counts(self) -> Counts:
        """So far."""
        return self._counts

    @property
    def trouble(self) -> Trouble | None:
        """Why there are no frames now; None where there are, or it is being opened for the first time."""
        return self._trouble

    @property
    def over(self) -> bool:
        """The source has ended, and does not begin again."""
        return self._over

    @property
    def pid(self) -> int | None:
        """The reader's; None while there is none."""
        reader = self._reader
        return None if reader is None else reader.pid

    def wait(self, for_what: Callable[[], bool], timeout_s: float) -> bool:
        """Until it is so, looked at after each frame; False where it is not so in time."""
        with self._news:
            return self._news.wait_for(for_what, max(0.0, timeout_s))

    def close(self) -> None:
        """End the reader. Twice is no error."""
        with self._news:
            self._closed.set()
            if self._reader is not None:
                self._reader.kill()
        self._thread.join()

    def _work(self) -> None:
        while not self._closed.is_set() and not self._over:
            trouble = self._one_reader()
            if self._closed.is_set():
                return
            self._note(trouble)
            if not self._over:
                self._closed.wait(self._backoff.next_s())

    def _one_reader(self) -> Trouble:
        """From its start to its end."""
        try:
            reader = _Reader(self._source, self._feed)
        except OSError as error:
            log.error("no reader for the camera can be started: %s", error.strerror)
            return Trouble.DIED
        with self._news:
            self._reader = reader
        try:
            return Trouble.DIED if self._closed.is_set() else self._watched(reader)
        finally:
            with self._news:
                self._reader = None
            reader.end()

    def _watched(self, reader: _Reader) -> Trouble:
        """Why it ended, or must."""
        now_s = time.monotonic()
        first_s, due_s, said = None, now_s + self._patience.open_s, Trouble.DIED
        while (lines := reader.lines(due_s - now_s)) is not None:
            now_s = time.monotonic()
            if came := lines.count("+"):
                first_s = first_s or now_s
                if now_s - first_s > _STEADY_S:
                    self._backoff.reset()
            if came or "." in lines:  # undecoded, but not long after one that was whole
                due_s = now_s + self._patience.stall_s
            self._count(came, lines.count("!"), lines.count("-"))
            words = [line.removeprefix("trouble ") for line in lines if line.startswith("trouble ")]
            said = Trouble(words[-1]) if words else said
            if now_s >= due_s:
                return Trouble.STALLED
        return said

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
                log.warning("the camera at %s gives frames again", self._source.told)
                self._trouble = None
            self._news.notify_all()

    def _note(self, trouble: Trouble) -> None:
        with self._news:
            if trouble is not self._trouble:
                log.warning("the camera at %s: %s", self._source.told, SAID[trouble])
            stalls = self._counts.stalls + (trouble is Trouble.STALLED)
            self._counts, self._trouble = replace(self._counts, stalls=stalls), trouble
            self._over = trouble is Trouble.ENDED
            self._news.notify_all()
