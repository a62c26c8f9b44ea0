"""What the lane reports of itself to the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lane.cameras.health import CameraStatus
from models.values.identity import NetworkIdentity


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
