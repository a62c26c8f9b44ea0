"""The desk as the lane asks it, and what the two tell each other: a status, commands and requests.

No command and no request opens a gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from lane.cameras.health import CameraStatus
from lane.decision.reason_codes import BY_HAND, Code
from lane.decision.referral import Decision, PassageId, is_name
from lane.ledger.entry import Entry, Head, Picture
from models.values.identity import NetworkIdentity

_MOST = 2**53


@dataclass(frozen=True, slots=True)
class LaneIdentity:
    """What does not change while a lane runs."""

    version: str = ""
    provider: str = ""
    matcher: str = ""
    policy: str = ""


def providers(identities: Sequence[NetworkIdentity]) -> str:
    return " ".join(dict.fromkeys(one.provider for one in identities))


@dataclass(frozen=True, slots=True)
class Status:
    """A lane's status, for supervisors. Names no passenger and no passage."""

    state: str
    """That of the passage under way, or `waiting`, `closed`, `stopped`, `fault`."""
    since: datetime
    camera: CameraStatus
    about: LaneIdentity
    outbox: int
    """Ledger entries that the desk has not confirmed."""
    passages: int
    """Since the lane started."""
    obeyed: int
    """The number of the last command that this lane obeys."""
    gate: tuple[str, ...] = ()
    """Why the gate lets nobody be served, and what its sensors saw in the last minutes: L01 to L06."""
    asked: int = 0
    """The number of the last request that this lane has taken up."""


class WantedState(StrEnum):
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


class Desk(Protocol):
    """Where officers are. Every call may raise NetworkLostError, DeskLostError or DeskRefusedError."""

    def put_picture(self, picture: Picture, passage: PassageId) -> None:
        """Deliver a picture of a passage; doing it twice is no error."""
        ...

    def report_lost_picture(self, sha256: str, passage: PassageId) -> None:
        """Report that a picture will not come: the lane kept it as long as it may."""
        ...

    def put_entries(self, entries: Sequence[Entry], recovered_through: int | None = None) -> Head:
        """Deliver entries in order; those it has are skipped. Returns the head of the desk's chain.

        `recovered_through`: entries up to this one were with a desk that is lost. Raises DeskBehindError
        where the desk lacks entries before these.
        """
        ...

    def decision(self, passage: PassageId, wait_s: float) -> Decision | None:
        """The officer's answer, or None when there is none after `wait_s` seconds."""
        ...


class Supervisors(Protocol):
    """The supervisors' side of the desk. Every call may raise a DeskError."""

    def report(self, status: Status) -> Command:
        """Report the lane's status. Returns the last command to the lane."""
        ...
