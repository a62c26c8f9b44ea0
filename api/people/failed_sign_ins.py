"""Failed sign-ins, counted by name and by address; of both only a hash is kept.

They stand in the database, so that all workers count together. After the free ones each further failure
doubles the pause, up to a quarter of an hour. Nobody is locked out for good, and that is a trade: whoever
keeps guessing at a name can keep its password out of use, and can make a few guesses an hour for as long as
nobody looks. A passkey and the site's identity provider do not wait for a password's pause.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from api.platform.database.tables import AttemptsRow
from api.platform.errors import TooManyAttemptsError

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(minutes=15)
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are free, and after how long one of them is forgotten."""

    free: int
    forgotten_after: timedelta


NAME = Limit(5, timedelta(minutes=15))
"""Guesses at one name."""
SOURCE = Limit(50, timedelta(seconds=12))
"""Failures from one address, behind which a whole hall may sit."""


def subject(what: str, value: str) -> str:
    """The hash that is kept in place of a name or an address."""
    return hashlib.sha256(f"{what}\n{value}".encode("utf-8", "surrogateescape")).hexdigest()


def check(session: Session, about: str, limit: Limit, *, at: datetime) -> None:
    """Raise TooManyAttemptsError while this subject pauses."""
    row = session.get(AttemptsRow, about)
    pause = timedelta() if row is None else _pause(_left(row, limit, at), limit)
    # A clock that ran ahead and was set back makes nobody wait for longer than any pause is.
    if row is not None and pause and at < row.last_at + pause and row.last_at - at < _LONGEST_PAUSE:
        raise TooManyAttemptsError


def count(session: Session, about: str, limit: Limit, *, at: datetime) -> None:
    """Count one attempt before its outcome is known, so that guesses at the same moment count too.

    Raises TooManyAttemptsError while the subject pauses, and does not count then: a flood makes no pause
    longer.
    """
    check(session, about, limit, at=at)
    row = session.get(AttemptsRow, about)
    if row is None:
        session.add(AttemptsRow(subject=about, wrong=1, last_at=at))
    else:
        row.wrong, row.last_at = _left(row, limit, at) + 1, at


def forgive(session: Session, about: str) -> None:
    """Remove the attempts at a name after a right password."""
    session.execute(delete(AttemptsRow).where(AttemptsRow.subject == about))


def take_back(session: Session, about: str) -> None:
    """Subtract the last attempt after a right password; other attempts from that address still count."""
    row = session.get(AttemptsRow, about)
    if row is not None:
        row.wrong = max(row.wrong - 1, 0)


def forget_old(session: Session, *, at: datetime) -> None:
    """Remove counts that cause no pause any more."""
    session.execute(delete(AttemptsRow).where(AttemptsRow.last_at <= at - _KEPT))


def _left(row: AttemptsRow, limit: Limit, at: datetime) -> int:
    return max(row.wrong - max(at - row.last_at, timedelta()) // limit.forgotten_after, 0)


def _pause(wrong: int, limit: Limit) -> timedelta:
    if wrong < limit.free:
        return timedelta()
    # 2 to the 4th is past the longest; a larger power would be past what a timedelta holds.
    doubled: int = 2 ** min(wrong - limit.free, 4)
    return min(_FIRST_PAUSE * doubled, _LONGEST_PAUSE)
