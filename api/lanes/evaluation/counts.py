"""The counts of the matcher in service."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class EvaluationCounts:
    """Counts, of passengers where nothing else is said."""

    passengers: int = 0
    """Matched their own document, and were compared with strangers'."""
    passengers_matched: int = 0
    """Of those: would have passed with the document of one stranger or more."""
    compared: int = 0
    """Comparisons with strangers' documents."""
    matched: int = 0
    skipped: int = 0
    """Comparisons with documents that may be the same person's."""
    skipped_matched: int = 0
    recognised: int = 0
    """Matched their own document, and no officer found them to be somebody else."""
    unrecognised: int = 0
    """Did not match their own document, and an officer admitted them."""
    undecided: int = 0
    """Did not match their own document, and no officer said whether it was theirs."""
    strangers_stopped: int = 0
    """Did not match the document, and an officer found that it was not theirs."""
    strangers_matched: int = 0
    """Matched the document, and an officer found that it was not theirs."""
    both_match: int = 0
    both_not: int = 0
    disagree: int = 0


NAMES = tuple(field.name for field in fields(EvaluationCounts))
