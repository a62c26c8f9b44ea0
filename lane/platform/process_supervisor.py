"""Keeps one lane's process running: one that ends is started again, one that hangs is killed first.

It decides nothing and opens nothing. While no lane runs the gate is shut, the traveller's screen says so, and
the desk is told that this lane is at fault.
"""

import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Before each further start of a lane that ends again and again."""
LIVED_S = 300.0
"""One that ran for so long starts at once the next time."""
SILENT_S = 5.0
"""A lane that gives no sign of life for so long hangs; it gives two in a second."""
FIRST_SIGN_S = 60.0
"""So long it may take until the first one: the interpreter starts, libraries load."""
ENDS_WITHIN_S = 15.0
ENDED_BY = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Keeper:
    """`down` is entered while no lane runs, with the seconds that is for; what it raises is only logged."""

    command: Sequence[str]
    down: Callable[[float], AbstractContextManager[object]]
    pauses_s: Sequence[float] = PAUSES_S
    silent_s: float = SILENT_S
    starts: int = 0
    _ended: list[int] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None
    _wakes: tuple[int, int] = (-1, -1)

    def keep(self) -> int:
        """Until SIGTERM or Ctrl-C; the lane gets the time to shut its gate. Returns the exit code."""
        self._wakes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        before = {one: signal.signal(one, self._end) for one in ENDED_BY}
        try:
            self._keep()
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
            for end in self._wakes:
                os.close(end)
        return 128 + self._ended[0]

    def _keep(self) -> None:
        failed = 0
        while not self._ended:
            began_s = time.monotonic()
            told = self._run_one()
            if self._ended:
                return
            failed = 0 if time.monotonic() - began_s > LIVED_S else failed + 1
            pause_s = self.pauses_s[min(failed, len(self.pauses_s)) - 1] if failed else 0.0
            log.critical("the lane ended (%s): it is started again in %g s", told, pause_s)
            self._wait_down(pause_s)

    def _run_one(self) -> str:
        """How it ended, in a word or two."""
        self.starts += 1
        beats, beat = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(beats, False)
        try:
            command = [*self.command, "--beat", str(beat)]
            # In a session of its own: Ctrl-C is for the keeper, which then ends the lane.
            self._process = subprocess.Popen(command, pass_fds=(beat,), start_new_session=True)  # noqa: S603
            os.close(beat)
            hung = not self._follow(self._process, beats)
        finally:
            os.close(beats)
        return "it hung" if hung else f"status {self._process.returncode}"

    def _follow(self, process: "subprocess.Popen[bytes]", beats: int) -> bool:
        """Until it has ended. False where it gave no sign of life for too long, and was killed."""
        patience_s = FIRST_SIGN_S
        while True:
            readable, _, _ = select.select([beats, self._wakes[0]], [], [], patience_s)
            if self._wakes[0] in readable:
                self._tell_to_end(process)
                return True
            if beats not in readable:
                _kill(process)
                return False
            if not os.read(beats, 4096):
                return self._reap(process)
            patience_s = self.silent_s

    def _reap(self, process: "subprocess.Popen[bytes]") -> bool:
        """Its pipe is shut, so it has ended, or is about to."""
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            _kill(process)
            return False
        return True

    def _tell_to_end(self, process: "subprocess.Popen[bytes]") -> None:
        process.terminate()
        self._reap(process)

    def _wait_down(self, pause_s: float) -> None:
        try:
            with self.down(pause_s):
                select.select([self._wakes[0]], [], [], pause_s)
        except Exception as error:  # noqa: BLE001  the lane is started again in any case
            log.error("while no lane runs: %s", error)
            select.select([self._wakes[0]], [], [], pause_s)

    def _end(self, number: int, _: FrameType | None) -> None:
        self._ended.append(number)
        os.write(self._wakes[1], b"!")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    log.critical("the lane gives no sign of life, and is killed")
    process.kill()
    process.wait()


def child_command(arguments: Sequence[str]) -> list[str]:
    """The same program once more, without a keeper."""
    return [sys.executable, "-m", "lane", *arguments]
