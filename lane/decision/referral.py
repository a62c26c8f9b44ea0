"""An open question to an officer, and the answer."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

PassageId = NewType("PassageId", str)
"""A random UUID in its usual text form; a referral is named by its passage."""

MOST_REPEATS = 2
"""Captures of one passenger after the first. A lane's policy may allow fewer, and no desk asks for more."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_name(text: object) -> bool:
    """Whether this may be an identifier or a pseudonym: plain letters, digits and signs, not too many."""
    return type(text) is str and _NAME.fullmatch(text) is not None


class Answer(StrEnum):
    ADMIT = "admit"
    SECOND_LINE = "second_line"
    REPEAT_CAPTURE = "repeat_capture"
    """The lane captures once more; the gate stays closed, and the passage goes on."""
    OTHER_AGENCY = "other_agency"
    """The gate stays closed; the agency that the ground names takes over."""


class Ground(StrEnum):
    """Why the officer decided so: the short list on the page; `note` takes what it does not cover."""

    SAME_PERSON = "same_person"
    CHECKED_BY_HAND = "checked_by_hand"
    DIFFERENT_PERSON = "different_person"
    CANNOT_TELL = "cannot_tell"
    DOCUMENT_IN_DOUBT = "document_in_doubt"
    NEEDS_ASSISTANCE = "needs_assistance"
    POOR_PICTURES = "poor_pictures"
    NOT_ALONE = "not_alone"
    QUARANTINE = "quarantine"
    CUSTOMS = "customs"
    IMMIGRATION = "immigration"
    POLICE = "police"
    MARKET_REGULATION = "market_regulation"
    OTHER = "other"


GROUNDS: dict[Answer, tuple[Ground, ...]] = {
    Answer.ADMIT: (Ground.SAME_PERSON, Ground.CHECKED_BY_HAND, Ground.OTHER),
    Answer.SECOND_LINE: (
        Ground.DIFFERENT_PERSON,
        Ground.CANNOT_TELL,
        Ground.DOCUMENT_IN_DOUBT,
        Ground.NEEDS_ASSISTANCE,
        Ground.OTHER,
    ),
    Answer.REPEAT_CAPTURE: (Ground.POOR_PICTURES, Ground.NOT_ALONE, Ground.OTHER),
    Answer.OTHER_AGENCY: (
        Ground.QUARANTINE,
        Ground.CUSTOMS,
        Ground.IMMIGRATION,
        Ground.POLICE,
        Ground.MARKET_REGULATION,
        Ground.OTHER,
    ),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One officer's answer to one referral."""

    id: str
    passage: PassageId
    answer: Answer
    ground: Ground
    officer: str
    """The officer's pseudonym, never a name."""
    decided_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError for an answer that no desk gives: whatever is odd about it opens no gate."""
        if not all(map(is_name, (self.id, self.passage, self.officer))):
            raise ValueError("a decision names itself, its passage and its officer's pseudonym")
        if self.decided_at.tzinfo is None:
            raise ValueError("a decision needs an aware time")
        if self.ground not in GROUNDS[self.answer]:
            raise ValueError(f"{self.ground} is no ground for {self.answer}")
