"""The lane's side of the traveller's screen: a process of its own that may die, hang or not start at all.

The lane never waits for that process, and takes nothing from it but its port and pressed buttons.
"""

import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from lane.capture.guidance import Instruction
from lane.decision.reason_codes import Code
from lane.kiosk.settings import KioskSettings, Setup
from lane.kiosk.traveller_requests import Button, PressedButtons
from lane.platform.finding import Finding
from lane.platform.process_supervisor import Backoff, Child, Patience, Supervisor, start_talking

log = logging.getLogger(__name__)

BEAT_S = 0.4
"""How often the kiosk gets what to show where nothing changes; a change is sent at once."""
HUNG_S = 6.0
"""A kiosk that is silent for so long is killed and started again; it sends two signs of life a second."""
START_S = 30.0
"""How long its first sign of life may take: a second or two, more where the machine is busy."""
STEADY_S = 60.0
LONGEST_PAUSE_S, SHORTEST_PAUSE_S = 30.0, 0.5


class Kiosk:
    """See `lane.capture.guidance.Guide`. A context."""

    def __init__(
        self, setup: Setup, monotonic_s: Callable[[], float] = time.monotonic, hung_s: float = HUNG_S
    ) -> None:
        self._setup = setup
        self._lock = threading.Lock()
        self._pressed = PressedButtons(monotonic_s)
        self._current = (Instruction.PLEASE_WAIT, 0.0)
        self._served = threading.Event()
        self._port = setup.port
        self._supervisor = Supervisor(
            "the traveller's screen",
            self._start,
            Patience(START_S, hung_s, STEADY_S),
            Backoff(LONGEST_PAUSE_S, SHORTEST_PAUSE_S),
            hear=self._receive,
            say=self._message,
            say_every_s=BEAT_S,
            ended=lambda _: self._served.clear(),
        )

    def __enter__(self) -> Self:
        self._supervisor.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._supervisor.close()

    def __call__(self, instruction: Instruction, /, progress: float = 0.0) -> None:
        with self._lock:
            changed, self._current = (instruction, progress) != self._current, (instruction, progress)
            self._pressed.note(instruction)
        if changed:
            self._supervisor.wake()

    def take(self) -> tuple[Code, ...]:
        """See `lane.kiosk.traveller_requests.TravellerRequests`."""
        with self._lock:
            return self._pressed.take()

    def address(self, timeout_s: float = 0.0) -> str | None:
        """The page's address; None where it is not served by then."""
        return f"http://127.0.0.1:{self._port}/" if self._served.wait(timeout_s) else None

    def _start(self) -> Child:
        child = start_talking([sys.executable, "-m", "lane.kiosk.process"])
        child.write(_line(self._setup.model_copy(update={"port": self._port}).model_dump(mode="json")))
        return child

    def _message(self) -> bytes:
        """The whole state, so that a message that was missed does not matter."""
        with self._lock:
            instruction, progress = self._current
            wishes = [wish.value for wish in self._pressed.confirmed()]
        return _line({"show": instruction.value, "progress": progress, "wishes": wishes})

    def _receive(self, lines: Sequence[bytes]) -> bool:
        for line in lines:
            try:
                self._handle(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError):
                log.warning("the traveller's screen says what is not understood")
        return True

    def _handle(self, message: dict[str, Any]) -> None:
        if "port" in message:
            self._port = int(message["port"])
            self._served.set()
        elif "wish" in message:
            with self._lock:
                self._pressed.press(Button(message["wish"]), on=message["on"] is True)
            self._supervisor.wake()


def probe(settings: KioskSettings) -> list[Finding]:
    """Whether the page's port is to be had on this machine."""
    try:
        with socket.create_server(("127.0.0.1", settings.port)) as listening:
            port = listening.getsockname()[1]
    except OSError as error:
        said = f"kiosk.port {settings.port}: {error.strerror}; another program, or this lane, has it already"
        return [Finding("kiosk", ok=False, said=said)]
    where = f"http://127.0.0.1:{port}/" if settings.port else "any free port"
    return [Finding("kiosk", ok=True, said=f"the traveller's screen can be served at {where}")]


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
