"""Cases of officers whose account changes: the part of review that `api.people` needs."""

from datetime import datetime

from sqlalchemy.orm import Session

from api.people.officers import SignedInOfficer
from api.review import shifts
from api.review.cases import queue
from api.review.prepared import inserted


class OfficersCasework:
    """See `api.people.casework.Casework`."""

    def leave(self, session: Session, officer: str, *, at: datetime) -> list[str]:
        """Give back travellers' cases and prepared ones."""
        return inserted.leave(session, officer, at=at)

    def release_others(self, session: Session, officer: SignedInOfficer, *, at: datetime) -> list[str]:
        """Give back the cases that the officer's role and duties allow no more."""
        return queue.release_others(session, officer, at=at)

    def start_shift(self, session: Session, officer: str, *, at: datetime) -> None:
        """Begin a shift, or come back from a break."""
        shifts.start(session, officer, at=at)

    def unanswerable(self, session: Session, *, at: datetime) -> list[str]:
        """Cases that no one on site may answer."""
        return shifts.unanswerable(session, at=at)
