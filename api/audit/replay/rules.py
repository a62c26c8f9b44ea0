"""What the replays of all kinds of entries have in common."""

from collections.abc import Callable
from datetime import datetime

from lane.ledger.entry import Entry
from lane.platform.errors import LedgerBrokenError

Replays = dict[str, Callable[[Entry], None]]
"""Kind of entry → what takes it in."""


def must(holds: object, otherwise: str) -> None:
    """Raise LedgerBrokenError unless it holds."""
    if not holds:
        raise LedgerBrokenError(otherwise)


def time_of(text: str | None) -> datetime | None:
    """A time as an entry has it."""
    return None if text is None else datetime.fromisoformat(text)
