"""What a traveller may ask for at the screen; a request counts for one passage, and lapses."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

from lane.capture.guidance import Instruction
from lane.decision.reason_codes import Code


class Button(StrEnum):
    NO_FACE = "no_face"
    WHEELCHAIR = "wheelchair"
    INFANT = "infant"
    HELP = "help"


CODES = {
    Button.NO_FACE: Code.DECLINES_FACE,
    Button.WHEELCHAIR: Code.BODY_SIZE,
    Button.INFANT: Code.INFANT_CARRIED,
    Button.HELP: Code.IMPAIRMENT,
}
PICTURED = frozenset(
    {
        Instruction.CLOSER,
        Instruction.BACK,
        Instruction.LEFT,
        Instruction.RIGHT,
        Instruction.HIGHER,
        Instruction.LOWER,
        Instruction.LOOK,
        Instruction.HOLD_STILL,
        Instruction.UNCOVER,
        Instruction.OPEN_EYES,
        Instruction.ONE_PERSON,
    }
)
"""While these are shown a capture runs, and the traveller sees the camera's picture."""
OPEN_TO_REQUESTS = PICTURED | {Instruction.WELCOME, Instruction.DOCUMENT_UNREADABLE}
"""While these are shown buttons may be pressed: later an officer comes anyway, or the gate is open."""
UNDER_WAY = PICTURED | {Instruction.OFFICER, Instruction.PROCEED}
BETWEEN = frozenset({Instruction.WELCOME, Instruction.CLOSED})
FORGOTTEN_AFTER_S = 60.0
"""A request without a document lapses: that traveller has left, and the next one is somebody else."""


class PressedButtons:
    """The buttons that are pressed, as the lane knows. Not for several threads at once."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._now_s = monotonic_s
        self._instruction = Instruction.PLEASE_WAIT
        self._waiting: dict[Button, float] = {}
        self._taken: tuple[Button, ...] = ()
        self._under_way = False

    def note(self, instruction: Instruction) -> None:
        """Note what the traveller reads now. Requests end with their passage."""
        self._under_way = self._under_way or instruction in UNDER_WAY
        if self._under_way and instruction in BETWEEN:
            self._waiting, self._taken, self._under_way = {}, (), False
        self._instruction = instruction

    def press(self, wish: Button, *, on: bool) -> None:
        """A button was pressed, or pressed again to take the request back. Ignored where it is too late."""
        if self._instruction not in OPEN_TO_REQUESTS:
            return
        if on:
            self._waiting[wish] = self._now_s()
        else:
            self._waiting.pop(wish, None)

    def take(self) -> tuple[Code, ...]:
        """The new requests, each once."""
        fresh = self._fresh()
        self._waiting = {}
        self._taken = tuple(dict.fromkeys(self._taken + fresh))
        return tuple(CODES[wish] for wish in fresh)

    def confirmed(self) -> tuple[Button, ...]:
        """The buttons that the page confirms."""
        return tuple(dict.fromkeys(self._taken + self._fresh()))

    def _fresh(self) -> tuple[Button, ...]:
        """The waiting requests, without those that have lapsed; none lapses while a passage is under way."""
        if not self._under_way:
            least_s = self._now_s() - FORGOTTEN_AFTER_S
            self._waiting = {wish: at_s for wish, at_s in self._waiting.items() if at_s >= least_s}
        return tuple(self._waiting)


TravellerRequests: TypeAlias = Callable[[], tuple[Code, ...]]
"""The travellers' requests since the last call (P03, P04, P05, P08). Takes no time, never fails."""


def no_requests() -> tuple[Code, ...]:
    """The `TravellerRequests` of a lane without buttons."""
    return ()
