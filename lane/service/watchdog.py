"""A lane's flow gives signs of life; a lane that ends, or gives none, is started again.

Nothing here decides or opens a gate. A flow that hangs in a driver reads neither clock nor gate any more.
While no lane runs, the gate is shut, the traveller's screen says so, and the desk is told of the fault.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, tzinfo

from lane.decision.referral import PassageId
from lane.gate.light_beams import Passing
from lane.gate.port import Gate, GateEvent
from lane.platform.clock import SystemClock
from lane.platform.process_supervisor import Backoff, Patience, Supervisor, start_beating

PATIENCE = Patience(first_s=60.0, silent_s=5.0, steady_s=300.0, ends_s=15.0)
"""A lane gives two signs of life in a second; the time to end is for it to shut its gate."""
LONGEST_PAUSE_S, SHORTEST_PAUSE_S = 60.0, 0.5


class FlowWatchdog:
    """Signs of life of the thread that made it; any thread may read them."""

    def __init__(self) -> None:
        self._flow, self._alive_s = threading.get_ident(), time.monotonic()
        self._begun = False

    def begin(self) -> None:
        """From now on signs of life are expected; until then the flow may load networks for minutes."""
        self._begun = True
        self.note_alive()

    def note_alive(self) -> None:
        """A sign of life; ignored from another thread."""
        if threading.get_ident() == self._flow:
            self._alive_s = time.monotonic()

    def silent_s(self) -> float:
        """Seconds since the last sign of life, once it has begun."""
        return time.monotonic() - self._alive_s if self._begun else 0.0


class WatchedClock(SystemClock):
    """See `lane.platform.clock.Clock`."""

    def __init__(self, flow_watchdog: FlowWatchdog, zone: tzinfo | None) -> None:
        super().__init__(zone)
        self._flow_watchdog = flow_watchdog

    def now(self) -> datetime:
        self._flow_watchdog.note_alive()
        return super().now()

    def monotonic_s(self) -> float:
        self._flow_watchdog.note_alive()
        return super().monotonic_s()


class WatchedGate:
    """See `lane.gate.port.Gate`: another gate, whose every call is a sign of life."""

    def __init__(self, gate: Gate, flow_watchdog: FlowWatchdog) -> None:
        self._gate, self._flow_watchdog = gate, flow_watchdog

    def open(self, passage: PassageId) -> None:
        self._flow_watchdog.note_alive()
        self._gate.open(passage)

    def wait_passed(self, timeout_s: float) -> Passing:
        self._flow_watchdog.note_alive()
        return self._gate.wait_passed(timeout_s)

    def close(self) -> None:
        self._flow_watchdog.note_alive()
        self._gate.close()

    def events(self) -> tuple[GateEvent, ...]:
        self._flow_watchdog.note_alive()
        return self._gate.events()

    def trouble(self) -> str | None:
        self._flow_watchdog.note_alive()
        return self._gate.trouble()


def lane_supervisor(
    command: Sequence[str],
    down: Callable[[float], AbstractContextManager[object]],
    patience: Patience = PATIENCE,
    backoff: Backoff | None = None,
) -> Supervisor:
    """`down` is entered while no lane runs, with the length of the pause in seconds."""
    return Supervisor(
        "the lane",
        lambda: start_beating(command),
        patience,
        backoff or Backoff(LONGEST_PAUSE_S, SHORTEST_PAUSE_S),
        down=down,
        log_level=logging.CRITICAL,
    )
