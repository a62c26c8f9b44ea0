from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lane.decision.reason_codes import Code
from lane.decision.referral import PassageId
from lane.gate.light_beams import Passing


@dataclass(frozen=True, slots=True)
class GateEvent:
    """What a gate's sensors saw, and when: L01, L02, L04, L05 or L06."""

    code: Code
    at: datetime
    """Aware, UTC: when it was seen, which may be before the lane asks."""
    detail: str = ""
    """`lane.gate.sensors.FIRE`, for L05 by the fire alarm."""


class Gate(Protocol):
    """The door. It is closed unless `open` was called after the last `close`, a fire alarm apart.

    Every call returns or raises within about a second, also where nobody answers at the other end.
    """

    def open(self, passage: PassageId) -> None:
        """Open for one passenger. Raises GateFaultError."""
        ...

    def wait_passed(self, timeout_s: float) -> Passing:
        """The progress in the open doorway, after at most so long; is called again. Raises GateFaultError."""
        ...

    def close(self) -> None:
        """Close, and return once it is proved; closing a closed gate is no error. Raises GateFaultError.

        May take as long as the door does.
        """
        ...

    def events(self) -> tuple[GateEvent, ...]:
        """What was seen since the last call, the oldest first, whether or not a door was open."""
        ...

    def trouble(self) -> str | None:
        """Why nobody may be served now: `fire`, `unreachable`, L02, L04, L05 or L06; None where they may."""
        ...
