"""Whether a lane's flow still runs: a flow that hangs in a driver reads neither clock nor gate any more."""

import threading
import time
from datetime import datetime, tzinfo

from lane.decision.referral import PassageId
from lane.gate.light_beams import Passing
from lane.gate.port import Gate, GateEvent
from lane.platform.clock import SystemClock


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
