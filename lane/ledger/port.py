"""The lane's ledger and outbox as the flow uses them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from lane.decision.passage_states import State
from lane.decision.referral import PassageId
from lane.ledger.chain import Entry, Head


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture for the officer, named by its content."""

    sha256: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact that has no place in the chain yet."""

    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UndeliveredEntry:
    """An entry that the desk has not confirmed, with its pictures."""

    entry: Entry
    pictures: tuple[Picture, ...]
    dropped: tuple[str, ...] = ()
    """Its pictures that the lane has dropped, by their SHA-256."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A passage and its state."""

    passage: PassageId
    state: State


class Journal(Protocol):
    """The lane's ledger and outbox on disk. Every call is all or nothing, and durable once it returns."""

    def record(
        self,
        drafts: Sequence[Draft],
        *,
        at: datetime,
        standing: Standing | None = None,
        pictures: Sequence[Picture] = (),
    ) -> None:
        """Append facts and the passage's state, and put the facts into the outbox, in one transaction.

        The pictures belong to the last fact.
        """
        ...

    def pending(self, limit: int) -> Sequence[UndeliveredEntry]:
        """The oldest entries that the desk has not confirmed."""
        ...

    def waiting(self) -> int:
        """How many entries the desk has not confirmed."""
        ...

    def last(self, kind: str) -> Mapping[str, Any] | None:
        """The body of the last fact of this kind, or None where there is none."""
        ...

    def confirmed(self, through_seq: int, desk_head: Head) -> None:
        """The desk has all up to this entry: remove them from the outbox, keep the desk's head as a witness.

        Raises DeskRefusedError where the desk's ledger went back behind a head that was witnessed before.
        """
        ...

    def drop_pictures(self, before: datetime, *, at: datetime) -> int:
        """Drop waiting pictures of facts up to that moment, and record it. Returns how many."""
        ...

    def note_recordings(self, folder: str) -> None:
        """Remember a folder into which recordings go."""
        ...

    def recordings_in(self) -> Sequence[str]:
        """Every folder into which recordings went."""
        ...

    def go_back(self, desk_has: Head) -> bool:
        """Put what a restored desk lacks into the outbox again, where a person has accepted that desk.

        False where nobody has. Raises DeskRefusedError where the desk has another chain than this one.
        """
        ...

    def recovered_through(self) -> int | None:
        """The last entry that is delivered again to a restored desk; None where nothing is."""
        ...

    def unfinished(self) -> Standing | None:
        """The passage that was under way when the lane stopped."""
        ...

    def desk_heads(self) -> Sequence[Head]:
        """Every head that the desk has confirmed, oldest first: its ledger is checked against them."""
        ...
