"""What a lane tells of itself, and what a supervisor wants of it. Nothing in here can open a gate."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lane.reasons import Code
from models.identity import NetworkIdentity

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOST = 2**53


class Wanted(StrEnum):
    """What a supervisor may want of a lane."""

    OPEN = "open"
    CLOSED = "closed"
    """No new passenger is served; the passage under way is finished."""
    STOPPED = "stopped"
    """The gate is shut, and the passage under way goes no further."""


class CameraHealth(StrEnum):
    """What is known of a camera."""

    GOOD = "good"
    STALE = "stale"
    LOST = "lost"
    UNKNOWN = "unknown"


WISHES = frozenset({Code.BODY_SIZE, Code.IMPAIRMENT, Code.DECLINES_FACE})
"""What an officer may ask for in a passenger's place: P03, P04, P08."""
LONGEST_REQUEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Request:
    """An officer's word for one passenger of a lane: seen by an officer, not by the camera.

    It is for the passenger who is captured now, or else for the next one; soon it is for nobody. It can only
    refer. `number` counts the desk's requests to this lane, from 1.
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
        if not (type(self.by) is str and _NAME.fullmatch(self.by)):
            raise ValueError("a request names its officer's pseudonym")
        if not 0 < self.for_s <= LONGEST_REQUEST_S:  # NaN compares false
            raise ValueError("a request is good for some minutes at most")


@dataclass(frozen=True, slots=True)
class Command:
    """A supervisor's word on one lane. `number` counts the desk's commands to this lane, from 1."""

    number: int
    wanted: Wanted
    by: str | None
    """The supervisor's pseudonym."""
    request: Request | None = field(default=None, compare=False)
    """What came with it: an officer's word for one passenger."""

    def __post_init__(self) -> None:
        """Raises ValueError for a command that no desk gives."""
        if type(self.number) is not int or not 0 <= self.number < _MOST:
            raise ValueError("a command has a number")
        if self.number == 0 and (self.by is not None or self.wanted is not Wanted.OPEN):
            raise ValueError("where nobody commanded anything, a lane is open")
        if self.number > 0 and not (type(self.by) is str and _NAME.fullmatch(self.by)):
            raise ValueError("a command names its supervisor's pseudonym")


NO_COMMAND = Command(0, Wanted.OPEN, None)


@dataclass(frozen=True, slots=True)
class About:
    """What stays as it is while a lane runs."""

    version: str
    provider: str
    matcher: str
    policy: str


def providers(identities: Sequence[NetworkIdentity]) -> str:
    """Where these networks run, in a word."""
    return " ".join(dict.fromkeys(one.provider for one in identities))


@dataclass(frozen=True, slots=True)
class CameraCounts:
    """What came from a camera: since it was opened, or within the last minutes."""

    frames: int = 0
    """Whole frames."""
    spoilt: int = 0
    """Those that could not be decoded."""
    skipped: int = 0
    """Those that nobody decoded, since a newer one had come."""
    reconnects: int = 0
    """How often it had to be opened again."""

    def since(self, before: "CameraCounts") -> "CameraCounts":
        """What was added; nothing is less than 0, also where it was counted anew."""
        return CameraCounts(*(max(0, getattr(self, one) - getattr(before, one)) for one in self.__slots__))


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera, as it tells itself, or as far as the last capture tells."""

    health: CameraHealth
    frame_age_ms: int | None
    counts: CameraCounts | None = None
    """None where nobody counts: a camera that is read for captures alone."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a lane stands: what a supervisor is shown. Names no passenger and no passage."""

    state: str
    """That of the passage under way, or `waiting`, `closed`, `stopped`, `fault`."""
    since: datetime
    camera: Camera
    about: About
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
