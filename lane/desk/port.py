"""What the desk is to the lane."""

from collections.abc import Sequence
from typing import Protocol

from lane.decision.referral import Decision, PassageId
from lane.desk.commands import Command
from lane.desk.status import Status
from lane.ledger.chain import Entry, Head
from lane.ledger.port import Picture


class Desk(Protocol):
    """Where officers are. Every call may raise NetworkLostError, DeskLostError or DeskRefusedError."""

    def put_picture(self, picture: Picture, passage: PassageId) -> None:
        """Hand over a picture of a passage; doing it twice is doing it once."""
        ...

    def miss_picture(self, sha256: str, passage: PassageId) -> None:
        """Say that a picture will not come: the lane had it as long as it may."""
        ...

    def put_entries(self, entries: Sequence[Entry], recovered_through: int | None = None) -> Head:
        """Hand over entries in order; those it has are skipped. Returns the head of the desk's chain.

        `recovered_through`: entries up to this one were with a desk that is lost. Raises DeskBehindError
        where the desk lacks entries before these.
        """
        ...

    def decision(self, passage: PassageId, wait_s: float) -> Decision | None:
        """The officer's answer, or None when there is none after `wait_s` seconds."""
        ...


class Supervisors(Protocol):
    """Who sees how a lane stands, and may close it. Every call may raise a DeskError."""

    def report(self, status: Status) -> Command:
        """Tell how the lane stands; hear the last command to it."""
        ...
