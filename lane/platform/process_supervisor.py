"""Keeps one child process running: one that ends is started again, one that hangs is killed first.

The lane itself, the reader of its camera and the traveller's screen are kept so.
"""

import logging
import math
import os
import random
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from io import FileIO
from typing import IO

log = logging.getLogger(__name__)

DIES_WITHIN_S = 2.0
MOST_READ = 1 << 16
MOST_LINE = 4096
"""The most bytes that are kept of a line that does not end."""
ENDED_BY = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a child, in seconds."""

    first_s: float
    """For its first sign of life: the interpreter starts, libraries load."""
    silent_s: float
    """For each sign after it."""
    steady_s: float
    """After signs for so long a child counts as working: its next end is a new fault."""
    ends_s: float = 0.0
    """How long it may take to end after a command or once it has shut its output; then it is killed."""


@dataclass(slots=True)
class Backoff:
    """Pauses that double, each shortened at random, so that lanes do not all connect at one moment."""

    longest_s: float
    shortest_s: float = 0.2
    shortened: float = 0.5
    """By up to this share."""
    _tries: int = 0
    _chance: random.Random = field(default_factory=random.Random)

    def next_s(self) -> float:
        whole_s = min(self.longest_s, self.shortest_s * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return whole_s * self._chance.uniform(1 - self.shortened, 1.0)

    def reset(self) -> None:
        self._tries = 0


@dataclass(frozen=True, slots=True)
class Child:
    """A process in a session of its own: Ctrl-C is for its parent, which then ends it."""

    process: "subprocess.Popen[bytes]"
    output: IO[bytes]
    input: IO[bytes] | None = None

    def write(self, text: bytes) -> bool:
        """False where nobody reads any more; what finds no room is left out."""
        try:
            if text and self.input is not None:
                self.input.write(text)
        except BrokenPipeError:
            return False
        return True

    def end(self, within_s: float) -> int | None:
        """Its status; None where not even a kill ends it, since a device's driver holds it."""
        for wait_s in (within_s, DIES_WITHIN_S):
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(wait_s)
                break
            self.process.kill()
        for end in (self.output, self.input):
            if end is not None:
                end.close()
        return self.process.returncode


def start_talking(
    command: Sequence[str], environment: Mapping[str, str] | None = None, errors: IO[bytes] | None = None
) -> Child:
    """A child with pipes for its standard input and output.

    Its standard error goes to `errors`, or without that where the parent's goes.
    """
    process = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        bufsize=0,
        env=environment,
        start_new_session=True,
    )
    if process.stdin is None or process.stdout is None:
        raise OSError("no pipe to it")
    os.set_blocking(process.stdin.fileno(), False)
    return Child(process, process.stdout, process.stdin)


def start_beating(command: Sequence[str]) -> Child:
    """A child that writes signs of life into the file descriptor which it is given as `--beat`."""
    ours, its = os.pipe2(os.O_CLOEXEC)
    output = FileIO(ours)
    try:
        process = subprocess.Popen(  # noqa: S603
            [*command, "--beat", str(its)], pass_fds=(its,), start_new_session=True
        )
    except OSError:
        output.close()
        raise
    finally:
        os.close(its)
    return Child(process, output)


@dataclass(frozen=True, slots=True)
class Ended:
    hung: bool = False
    status: int | None = None
    """None where it did not start, or does not die."""

    def __str__(self) -> str:
        return "it hung" if self.hung else f"status {self.status}"


@dataclass(slots=True)
class Supervisor:
    """Starts a child, follows its signs of life, and starts it again, until `end`."""

    name: str
    """In the log."""
    start: Callable[[], Child]
    """May raise OSError."""
    patience: Patience
    backoff: Backoff
    hear: Callable[[Sequence[bytes]], bool] = lambda _: True
    """Takes the lines that the child wrote; True where they are a sign of life."""
    say: Callable[[], bytes] = lambda: b""
    """What to write to the child: whenever it has changed, and every `say_every_s`."""
    say_every_s: float = math.inf
    ended: Callable[[Ended], None] = lambda _: None
    down: Callable[[float], AbstractContextManager[object]] = lambda _: nullcontext()
    """Entered while no child runs, with the length of the pause in seconds; what it raises is only logged."""
    log_level: int = logging.WARNING
    starts: int = field(default=0, init=False)
    last: Ended = field(default=Ended(), init=False)
    """How the last child ended."""
    _child: Child | None = field(default=None, init=False)
    _over: bool = field(default=False, init=False)
    _alarm: socket.socket = field(init=False)
    _alarmed: socket.socket = field(init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._alarm, self._alarmed = socket.socketpair()
        self._alarm.settimeout(0)
        self._alarmed.settimeout(0)

    @property
    def pid(self) -> int | None:
        """The child's; None while there is none."""
        child = self._child
        return None if child is None else child.process.pid

    def begin(self) -> None:
        """Run in a thread of its own, until `close`."""
        self._thread = threading.Thread(target=self.run, name=self.name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the child, and wait until it is gone. Twice is no error."""
        self.end()
        if self._thread is not None:
            self._thread.join()
        self._alarm.close()
        self._alarmed.close()

    def end(self) -> None:
        """End the child, and start none again. From any thread, and from a signal's handler."""
        self._over = True
        self.wake()

    def wake(self) -> None:
        """There may be something new to say."""
        with suppress(OSError):  # it is awake already, or closed
            self._alarm.send(b"!")

    def run_until_signal(self) -> int:
        """Until SIGTERM or Ctrl-C; the child gets the time to end. Returns the exit code."""
        caught: list[int] = []

        def end(number: int, _: object) -> None:
            caught.append(number)
            self.end()

        before = {one: signal.signal(one, end) for one in ENDED_BY}
        try:
            self.run()
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
            self.close()
        return 128 + caught[0]

    def run(self) -> None:
        while not self._over:
            self.last = self._run_one()
            if not self._over:
                self.ended(self.last)
            if not self._over:
                self._pause(self.backoff.next_s())

    def _run_one(self) -> Ended:
        try:
            child = self._child = self.start()
        except OSError as error:
            log.error("%s cannot be started: %s", self.name, error.strerror)
            return Ended()
        self.starts += 1
        hung = False
        try:
            hung = self._follow(child)
        finally:
            if hung:
                log.log(self.log_level, "%s gives no sign of life, and is killed", self.name)
                child.process.kill()
            elif self._over and self.patience.ends_s:
                child.process.terminate()
            status = child.end(self.patience.ends_s)
            if status is None:
                log.critical("%s (process %d) does not die: a driver holds it", self.name, child.process.pid)
            self._child = None
        return Ended(hung, status)

    def _follow(self, child: Child) -> bool:
        """Until it shuts its output, or must end. True where it gave no sign of life for too long."""
        poll = select.poll()
        for one in (child.output, self._alarmed):
            poll.register(one, select.POLLIN)
        now_s = say_s = time.monotonic()
        due_s, first_s, said, rest = now_s + self.patience.first_s, math.inf, b"", b""
        while now_s < due_s and not self._over:
            text = self.say()
            if text != said or now_s >= say_s:
                said, say_s = text, now_s + self.say_every_s
                if not child.write(text):
                    return False
            ready = {one for one, _ in poll.poll(math.ceil((min(due_s, say_s) - now_s) * 1000))}
            self._calm()
            now_s = time.monotonic()
            if child.output.fileno() in ready:
                if not (content := os.read(child.output.fileno(), MOST_READ)):
                    return False
                *lines, rest = (rest + content).split(b"\n")
                rest = rest[-MOST_LINE:]
                if self.hear(lines):
                    first_s, due_s = min(first_s, now_s), now_s + self.patience.silent_s
                    if now_s - first_s > self.patience.steady_s:
                        self.backoff.reset()
        return not self._over

    def _calm(self) -> None:
        with suppress(BlockingIOError):
            self._alarmed.recv(MOST_READ)

    def _pause(self, pause_s: float) -> None:
        log.log(self.log_level, "%s ended (%s): it is started again in %.1f s", self.name, self.last, pause_s)
        until_s = time.monotonic() + pause_s
        try:
            with self.down(pause_s):
                self._sleep(until_s)
        except Exception as error:  # the child is started again in any case
            log.error("while %s is down: %s", self.name, error, exc_info=error)
            self._sleep(until_s)

    def _sleep(self, until_s: float) -> None:
        while not self._over and (left_s := until_s - time.monotonic()) > 0:
            select.select([self._alarmed], [], [], left_s)
            self._calm()
