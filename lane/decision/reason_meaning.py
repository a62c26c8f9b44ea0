"""What a row of the table of reasons says; `lane.decision.reason_codes` is the table."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from lane.decision.traveller_notices import Notice


class Agency(StrEnum):
    """Who acts on a reason."""

    BORDER = "border"
    DIPLOMATIC = "diplomatic"
    POLICE = "police"
    IMMIGRATION = "immigration"
    QUARANTINE = "quarantine"
    CUSTOMS = "customs"
    OTHER = "other"
    TECHNICIAN = "technician"


class Duty(StrEnum):
    """What an officer is named for. A case that needs several goes to who has the first of these."""

    DIPLOMATIC = "diplomatic"
    CHILD = "child"
    QUARANTINE = "quarantine"
    CUSTOMS = "customs"
    OTHER_AGENCY = "other_agency"


class Rank(IntEnum):
    """How soon a case is answered; within a rank, who waits longest comes first."""

    AT_ONCE = 0
    SOON = 1
    IN_TURN = 2


@dataclass(frozen=True, slots=True)
class ByHand:
    """What an officer does about a passenger of whom no picture was taken."""

    place: int
    """Where several codes of a case have steps, those of the lowest place hold."""
    steps: tuple[str, ...]
    """First to last."""
    wish: str = ""
    """As an officer asks for it in a passenger's place; empty where no officer can."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A row. Texts are English, for officers, and are translated where they are shown.

    They tell no number of a comparison, and accuse nobody.
    """

    code: str
    brief: str
    """In a few words, for the queue."""
    full: str
    """In a sentence or two, for the case."""
    notice: Notice | None = None
    """What the traveller reads. None: the neutral notice alone, whatever else is a reason."""
    agency: Agency = Agency.BORDER
    rank: Rank = Rank.IN_TURN
    duty: Duty | None = None
    """What the officer who answers must be named for, unless the site's settings say otherwise."""
    never_captured: bool = False
    """No lane captures these passengers, nor once more by an officer's word, and no desk offers it."""
    kept_back: bool = False
    """Worded and not named before the reveal."""
    by_hand: ByHand | None = None
