"""The traveller's screen as the lane has it: a process beside it that may die, hang or not start at all.

Nothing here waits for that process, and nothing that it says is believed but a button that was pressed.
"""

import json
import logging
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from lane.capture.guidance import Instruction
from lane.decision.reason_codes import Code
from lane.kiosk.settings import Setup
from lane.kiosk.traveller_requests import Pressed, Wish

log = logging.getLogger(__name__)

BEAT_S = 0.4
"""So often the kiosk is told what to show where nothing changes; a change is told at once."""
HUNG_S = 6.0
"""A kiosk that says nothing for so long is ended and started anew; it says twice a second that it lives."""
START_S = 30.0
"""So long it may take until it first says something: a second or two, more where the machine is busy."""
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Before each further start of one that ends again and again."""
LIVED_S = 60.0
"""One that ran for so long starts at once the next time."""
MOST_BUFFERED = 4096


class Kiosk:
    """See `lane.capture.guidance.Guide` and `lane.kiosk.traveller_requests.Wishes`; runs while the block
    that it is entered for does."""

    def __init__(
        self, setup: Setup, monotonic_s: Callable[[], float] = time.monotonic, hung_s: float = HUNG_S
    ) -> None:
        self._setup, self._hung_s = setup, hung_s
        self._lock = threading.Lock()
        self._pressed = Pressed(monotonic_s)
        self._told = (Instruction.PLEASE_WAIT, 0.0)
        self._closed, self._served = threading.Event(), threading.Event()
        self._port = setup.port
        self._ear, self._mouth = socket.socketpair()
        self._thread = threading.Thread(target=self._work, name="kiosk", daemon=True)
        self.starts = 0
        """How often the process was started."""
        self.pid = 0
        """Of the one that was started last."""

    def __enter__(self) -> Self:
        self._ear.settimeout(0)
        self._mouth.settimeout(0)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._poke()
        self._thread.join()
        self._ear.close()
        self._mouth.close()

    def __call__(self, instruction: Instruction, /, progress: float = 0.0) -> None:
        """See `lane.capture.guidance.Guide`."""
        with self._lock:
            changed, self._told = (instruction, progress) != self._told, (instruction, progress)
            self._pressed.note(instruction)
        if changed:
            self._poke()

    def asked(self) -> tuple[Code, ...]:
        """See `lane.kiosk.traveller_requests.Wishes`."""
        with self._lock:
            return self._pressed.asked()

    def address(self, timeout_s: float = 0.0) -> str | None:
        """Where the page is, None where it is not served by then."""
        return f"http://127.0.0.1:{self._port}/" if self._served.wait(timeout_s) else None

    def _poke(self) -> None:
        with suppress(BlockingIOError, OSError):
            self._mouth.send(b"!")

    def _work(self) -> None:
        failed = 0
        while not self._closed.is_set():
            began_s = time.monotonic()
            try:
                self._run_one()
            except OSError as error:
                log.warning("the traveller's screen does not start: %s", error)
            self._served.clear()
            failed = 0 if time.monotonic() - began_s > LIVED_S else failed + 1
            if not self._closed.wait(PAUSES_S[min(max(failed - 1, 0), len(PAUSES_S) - 1)]):
                log.warning("the traveller's screen has ended: it is started again")

    def _run_one(self) -> None:
        command = [sys.executable, "-m", "lane.kiosk"]
        pipe = subprocess.PIPE
        # In a session of its own: Ctrl-C is for the lane, which then ends the kiosk.
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as process:  # noqa: S603
            self.pid = process.pid
            self.starts += 1
            try:
                self._converse(process)
            finally:
                process.kill()  # it keeps nothing that could be lost

    def _converse(self, process: "subprocess.Popen[bytes]") -> None:
        """Until it ends, hangs, or the lane does."""
        if process.stdin is None or process.stdout is None:
            return
        into, out = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(into, False)
        setup = self._setup.model_copy(update={"port": self._port})
        alive = _write(into, setup.model_dump(mode="json"))
        heard_s, patience_s, rest = time.monotonic(), START_S, b""
        written: dict[str, Any] = {}
        due_s = heard_s
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while alive and not self._closed.is_set():
                news, now_s = self._news(), time.monotonic()
                if news != written or now_s >= due_s:
                    alive = _write(into, news)
                    written, due_s = news, now_s + BEAT_S
                ready = {key.fileobj for key, _ in selector.select(due_s - now_s)}
                if self._ear in ready:
                    self._ear.recv(MOST_BUFFERED)
                if out in ready:
                    told = os.read(out, MOST_BUFFERED)
                    *lines, rest = (rest + told).split(b"\n")
                    self._hear(lines)
                    heard_s, patience_s = time.monotonic(), self._hung_s
                    alive = alive and bool(told) and len(rest) < MOST_BUFFERED
                if time.monotonic() - heard_s > patience_s:
                    log.warning("the traveller's screen hangs")
                    return

    def _news(self) -> dict[str, Any]:
        """All of what is to be seen: what a kiosk missed before does not matter."""
        with self._lock:
            instruction, progress = self._told
            wishes = [wish.value for wish in self._pressed.shown()]
        return {"show": instruction.value, "progress": progress, "wishes": wishes}

    def _hear(self, lines: list[bytes]) -> None:
        for line in lines:
            try:
                self._heed(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError):
                log.warning("the traveller's screen says what is not understood")

    def _heed(self, told: dict[str, Any]) -> None:
        if "port" in told:
            self._port = int(told["port"])
            self._served.set()
        elif "wish" in told:
            with self._lock:
                self._pressed.press(Wish(told["wish"]), on=told["on"] is True)
            self._poke()


def _write(pipe: int, told: dict[str, Any]) -> bool:
    """False where nobody reads any more; what finds no room is left out, and told again by the next beat."""
    try:
        os.write(pipe, json.dumps(told).encode() + b"\n")
    except BlockingIOError:
        return True
    except BrokenPipeError:
        return False
    return True
