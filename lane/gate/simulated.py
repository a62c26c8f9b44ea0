"""A simulated gate, for the demo and the tests."""

from dataclasses import dataclass, field

from lane.decision.referral import PassageId
from lane.gate.light_beams import Passing
from lane.gate.port import GateEvent
from lane.platform.errors import GateFaultError


@dataclass(slots=True)
class SimulatedGate:
    """See `lane.gate.port.Gate`. `diary` tells what was done, in order; `faulty` makes it refuse to open.

    `seen` and `out_of_order` are what its sensors would tell: `lane.gate.port.Gate.events` and `.trouble`.
    """

    passing: Passing = Passing.PASSED
    faulty: bool = False
    is_open: bool = False
    diary: list[str] = field(default_factory=list)
    seen: list[GateEvent] = field(default_factory=list)
    out_of_order: str | None = None

    def open(self, passage: PassageId) -> None:
        if self.faulty:
            raise GateFaultError("the simulated gate does not move")
        self.is_open = True
        self.diary.append(f"open {passage}")

    def wait_passed(self, timeout_s: float) -> Passing:
        line = f"nobody in {timeout_s:g} s" if self.passing is Passing.NOT_YET else self.passing.value
        if self.diary[-1:] != [line]:
            self.diary.append(line)
        return self.passing

    def close(self) -> None:
        if self.is_open:
            self.diary.append("close")
        self.is_open = False

    def events(self) -> tuple[GateEvent, ...]:
        events, self.seen = tuple(self.seen), []
        return events

    def trouble(self) -> str | None:
        return self.out_of_order
