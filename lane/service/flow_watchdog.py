"""Whether a lane's own thread still gets on: what hangs in a driver asks neither clock nor gate any more."""

import threading
import time
from datetime import datetime, tzinfo

from lane.decision.referral import PassageId
from lane.gate.light_beams import Passing
from lane.gate.port import Gate, GateEvent
from lane.platform.clock import SystemClock


class Pulse:
    """Felt by the thread that made it, looked at by any."""

    def __init__(self) -> None:
        self._flow, self._felt_s = threading.get_ident(), time.monotonic()
        self._begun = False

    def begin(self) -> None:
        """From now on the flow is expected to get on; until then it may load networks for minutes."""
        self._begun = True
        self.feel()

    def feel(self) -> None:
        """The flow got as far as here; from another thread it says nothing."""
        if threading.get_ident() == self._flow:
            self._felt_s = time.monotonic()

    def silent_s(self) -> float:
        """Since it was felt last, once it has begun."""
        return time.monotonic() - self._felt_s if self._begun else 0.0


class LivingClock(SystemClock):
    """See `lane.platform.clock.Clock`."""

    def __init__(self, pulse: Pulse, zone: tzinfo | None) -> None:
        super().__init__(zone)
        self._pulse = pulse

    def now(self) -> datetime:
        """Aware, UTC."""
        self._pulse.feel()
        return super().now()

    def monotonic_s(self) -> float:
        """Seconds since any fixed moment."""
        self._pulse.feel()
        return super().monotonic_s()


class LivingGate:
    """See `lane.gate.port.Gate`: another one, which the flow asks again and again, also while nobody
    comes."""

    def __init__(self, gate: Gate, pulse: Pulse) -> None:
        self._gate, self._pulse = gate, pulse

    def open(self, passage: PassageId) -> None:
        """Open for one passenger."""
        self._pulse.feel()
        self._gate.open(passage)

    def wait_passed(self, timeout_s: float) -> Passing:
        """How it goes in the open doorway."""
        self._pulse.feel()
        return self._gate.wait_passed(timeout_s)

    def close(self) -> None:
        """Close."""
        self._pulse.feel()
        self._gate.close()

    def events(self) -> tuple[GateEvent, ...]:
        """What was seen since the last call."""
        self._pulse.feel()
        return self._gate.events()

    def trouble(self) -> str | None:
        """Why nobody may be served now."""
        self._pulse.feel()
        return self._gate.trouble()
