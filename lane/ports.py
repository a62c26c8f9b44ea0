"""Every outside thing on one page, as the lane asks for it. Passed in; no default opens a device."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

from lane.crossing import Passing
from lane.document import TravelDocument
from lane.frame import Frame
from lane.guidance import Instruction
from lane.ledger import Entry, Head
from lane.passage import State
from lane.reasons import Code
from lane.referral import Decision, PassageId
from lane.supervision import Camera, Command, Status


class Clock(Protocol):
    """Two clocks: one to tell when, one to tell how long, which never jumps."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def today(self) -> date:
        """The calendar day where the lane stands: a document's expiry is a day of that calendar."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since any fixed moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class FrameSource(Protocol):
    """A camera."""

    def frames(self) -> Iterator[Frame]:
        """Frames of one capture, oldest first, until the caller stops.

        Waits for a frame only for a bounded time, then raises CameraError: a camera that hangs is lost.
        """
        ...


@runtime_checkable
class TellingSource(FrameSource, Protocol):
    """A camera that is read all the time, and tells how it does between captures too."""

    def told(self) -> Camera:
        """How it does now; may be asked from any thread."""
        ...


class DocumentReader(Protocol):
    """Where a passenger presents a document."""

    def read(self) -> TravelDocument | None:
        """Wait for the next document; None when the lane shall end. Raises DocumentError.

        May raise NobodyYetError after some seconds without one: the lane looks up, and asks again.
        """
        ...


@dataclass(frozen=True, slots=True)
class GateEvent:
    """What a gate's sensors saw, and when: L01, L02, L04, L05 or L06."""

    code: Code
    at: datetime
    """Aware, UTC: when it was seen, which may be before the lane asks."""
    detail: str = ""
    """`lane.sensors.FIRE`, for L05 by the fire alarm."""


class Gate(Protocol):
    """The door. It is closed unless `open` was called after the last `close`, a fire alarm apart.

    Every call returns or raises within about a second, also where nobody answers at the other end.
    """

    def open(self, passage: PassageId) -> None:
        """Open for one passenger. Raises GateFaultError."""
        ...

    def wait_passed(self, timeout_s: float) -> Passing:
        """How it goes in the open doorway, after at most so long; is asked again. Raises GateFaultError."""
        ...

    def close(self) -> None:
        """Close, and return once it is proved; closing a closed gate is no error. Raises GateFaultError.

        May take as long as the door does.
        """
        ...

    def events(self) -> tuple[GateEvent, ...]:
        """What was seen since the last call, the oldest first, whether or not a door was open."""
        ...

    def trouble(self) -> str | None:
        """In a word, why nobody may be served now: `fire`, `unreachable`, L02, L04, L05 or L06. Or None."""
        ...


class Screen(Protocol):
    """What tells the people at the lane how it goes: never a reason, never a face."""

    def show(self, passage: PassageId, state: State, /) -> None:
        """The passage stands here now; it is on disk already."""
        ...


class Guide(Protocol):
    """What tells the traveller what to do, or what happens: one instruction at a time."""

    def __call__(self, instruction: Instruction, /, progress: float = 0.0) -> None:
        """To be shown now; the same one may be told again and again. Takes no time, never fails.

        `progress` of a capture: 0 to 1.
        """
        ...


def nobody_guides(_: Instruction, /, progress: float = 0.0) -> None:
    """A `Guide` for a lane without a traveller's screen."""


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


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture for the officer, named by its content."""

    sha256: str
    media_type: str
    content: bytes = field(repr=False)


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
