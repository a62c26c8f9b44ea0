"""Supervisors' commands to a lane, and officers' requests for a passenger. None of them opens a gate."""

from dataclasses import dataclass, field
from enum import StrEnum

from lane.decision.reason_codes import BY_HAND, Code
from lane.decision.referral import is_name

_MOST = 2**53


class WantedState(StrEnum):
    """The state that a supervisor wants a lane in."""

    OPEN = "open"
    CLOSED = "closed"
    """No new passenger is served; the passage under way is finished."""
    STOPPED = "stopped"
    """The gate is shut, and the passage under way goes no further."""


WISHES = frozenset(code for code, by_hand in BY_HAND.items() if by_hand.wish)
"""What an officer may ask for in a passenger's place: P03, P04, P08."""
LONGEST_REQUEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Request:
    """An officer's request that a passenger is seen by an officer, not by the camera.

    It is for the passenger who is captured now, or else for the next one, and lapses after `for_s`. It can
    only refer. `number` counts the desk's requests to this lane, from 1.
    """

    number: int
    code: Code
    by: str
    """The officer's pseudonym."""
    for_s: float
    """How long it is good for, from when the lane asked."""

    def __post_init__(self) -> None:
        """Raises ValueError for a request that no desk makes."""
        if type(self.number) is not int or not 0 < self.number < _MOST:
            raise ValueError("a request has a number")
        if self.code not in WISHES:
            raise ValueError("nobody asks for this in a passenger's place")
        if not is_name(self.by):
            raise ValueError("a request names its officer's pseudonym")
        if not 0 < self.for_s <= LONGEST_REQUEST_S:  # NaN compares false
            raise ValueError("a request is good for some minutes at most")


@dataclass(frozen=True, slots=True)
class Command:
    """A supervisor's command to one lane. `number` counts the desk's commands to this lane, from 1."""

    number: int
    wanted: WantedState
    by: str | None
    """The supervisor's pseudonym."""
    request: Request | None = field(default=None, compare=False)
    """An officer's request that came with it."""

    def __post_init__(self) -> None:
        """Raises ValueError for a command that no desk gives."""
        if type(self.number) is not int or not 0 <= self.number < _MOST:
            raise ValueError("a command has a number")
        if self.number == 0 and (self.by is not None or self.wanted is not WantedState.OPEN):
            raise ValueError("where nobody commanded anything, a lane is open")
        if self.number > 0 and not is_name(self.by):
            raise ValueError("a command names its supervisor's pseudonym")


NO_COMMAND = Command(0, WantedState.OPEN, None)
