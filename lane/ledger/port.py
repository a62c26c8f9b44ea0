"""Every outside thing on one page, as the lane asks for it. Passed in; no default opens a device."""

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
    """A fact before it has its place in the chain."""

    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What the desk has not confirmed yet: an entry with the pictures that go with it."""

    entry: Entry
    pictures: tuple[Picture, ...]
    dropped: tuple[str, ...] = ()
    """Pictures, by their SHA-256, that the lane does not have any more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A passage and where it stands."""

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
        """Append facts, say where the passage stands now, and put both into the outbox, in one transaction.

        The pictures go with the last of the facts.
        """
        ...

    def pending(self, limit: int) -> Sequence[Parcel]:
        """The oldest parcels that the desk has not confirmed."""
        ...

    def waiting(self) -> int:
        """How many parcels the desk has not confirmed."""
        ...

    def last(self, kind: str) -> Mapping[str, Any] | None:
        """The body of the last fact of this kind, or None where there is none."""
        ...

    def confirmed(self, through_seq: int, desk_head: Head) -> None:
        """The desk has all up to this entry: forget parcels and pictures, keep its head as a witness.

        Raises DeskRefusedError where the desk's ledger went back behind a head that was witnessed before.
        """
        ...

    def drop_pictures(self, before: datetime, *, at: datetime) -> int:
        """Forget the pictures of facts up to that moment that still wait, and record it; say how many."""
        ...

    def note_recordings(self, folder: str) -> None:
        """Remember where recordings go, until the lane's end: what is too old there is erased."""
        ...

    def recordings_in(self) -> Sequence[str]:
        """Every folder into which recordings went."""
        ...

    def go_back(self, desk_has: Head) -> bool:
        """Put again into the outbox what a restored desk lacks, where a person has accepted that desk.

        False where nobody has. Raises DeskRefusedError where the desk has another chain than this one.
        """
        ...

    def recovered_through(self) -> int | None:
        """The last entry that is told again to a restored desk; None where nothing is."""
        ...

    def unfinished(self) -> Standing | None:
        """The passage that was under way when the lane stopped."""
        ...

    def desk_heads(self) -> Sequence[Head]:
        """Every head that the desk told, oldest first: what its ledger is held against."""
        ...
