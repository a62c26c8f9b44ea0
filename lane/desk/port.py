"""The desk as the lane asks it."""

from collections.abc import Sequence
from typing import Protocol

from lane.decision.referral import Decision, PassageId
from lane.desk.commands import NO_COMMAND, Command
from lane.desk.status import Status
from lane.ledger.entry import Entry, Head, Picture


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


class NoSupervisors:
    """See `Supervisors`: nobody commands anything."""

    def report(self, status: Status) -> Command:  # noqa: ARG002
        return NO_COMMAND
