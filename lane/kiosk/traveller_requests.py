"""What a traveller may ask for at the screen, and when it counts: for one passage, and not for ever."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from lane.capture.guidance import Instruction
from lane.decision.reason_codes import Code


class Wish(StrEnum):
    """A button on the page."""

    NO_FACE = "no_face"
    WHEELCHAIR = "wheelchair"
    INFANT = "infant"
    HELP = "help"


CODES = {
    Wish.NO_FACE: Code.DECLINES_FACE,
    Wish.WHEELCHAIR: Code.BODY_SIZE,
    Wish.INFANT: Code.INFANT_CARRIED,
    Wish.HELP: Code.IMPAIRMENT,
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
OPEN_TO_WISHES = PICTURED | {Instruction.WELCOME, Instruction.DOCUMENT_UNREADABLE}
"""Later an officer comes anyway, or the gate is open."""
UNDER_WAY = PICTURED | {Instruction.OFFICER, Instruction.PROCEED}
BETWEEN = frozenset({Instruction.WELCOME, Instruction.CLOSED})
FORGOTTEN_AFTER_S = 60.0
"""Whoever pressed a button and presented no document has gone; the next traveller is somebody else."""


class Pressed:
    """Which buttons are pressed, as the lane has heard it. Not for several threads at once."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._now_s = monotonic_s
        self._instruction = Instruction.PLEASE_WAIT
        self._waiting: dict[Wish, float] = {}
        self._taken: tuple[Wish, ...] = ()
        self._under_way = False

    def note(self, instruction: Instruction) -> None:
        """The traveller reads this now. Once a passage is over, its wishes are over, too."""
        self._under_way = self._under_way or instruction in UNDER_WAY
        if self._under_way and instruction in BETWEEN:
            self._waiting, self._taken, self._under_way = {}, (), False
        self._instruction = instruction

    def press(self, wish: Wish, *, on: bool) -> None:
        """A button was pressed, or once more to take it back. Where it is too late, nothing happens."""
        if self._instruction not in OPEN_TO_WISHES:
            return
        if on:
            self._waiting[wish] = self._now_s()
        else:
            self._waiting.pop(wish, None)

    def asked(self) -> tuple[Code, ...]:
        """What the lane has to act on; told once."""
        fresh = self._fresh()
        self._waiting = {}
        self._taken = tuple(dict.fromkeys(self._taken + fresh))
        return tuple(CODES[wish] for wish in fresh)

    def shown(self) -> tuple[Wish, ...]:
        """What the page confirms."""
        return tuple(dict.fromkeys(self._taken + self._fresh()))

    def _fresh(self) -> tuple[Wish, ...]:
        """Without what was forgotten: that counts only while nobody is under way."""
        if not self._under_way:
            least_s = self._now_s() - FORGOTTEN_AFTER_S
            self._waiting = {wish: at_s for wish, at_s in self._waiting.items() if at_s >= least_s}
        return tuple(self._waiting)


class Wishes(Protocol):
    """What passengers ask for beside the way through: to be seen by an officer, not by a camera."""

    def asked(self) -> tuple[Code, ...]:
        """What was asked for since the last call (P03, P04, P05, P08). Takes no time, never fails."""
        ...


class NoWishes:
    """See `Wishes`: at a lane without buttons."""

    def asked(self) -> tuple[Code, ...]:
        """Nothing."""
        return ()
