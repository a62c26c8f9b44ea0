"""What happens to an officer's cases when the officer signs in, leaves, or may do something else from now on.

Cases belong to `api.review`, which stands above: the desk hands its part in.
"""

from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from api.people.officers import SignedInOfficer


class Casework(Protocol):
    """Each method writes in the caller's transaction."""

    def leave(self, session: Session, officer: str, *, at: datetime) -> list[str]:
        """Give back every case that the officer has; return which."""
        ...

    def release_others(self, session: Session, officer: SignedInOfficer, *, at: datetime) -> list[str]:
        """Give back every case that the officer may not decide any more; return which."""
        ...

    def start_shift(self, session: Session, officer: str, *, at: datetime) -> None:
        """Begin the officer's shift, or end the break."""
        ...

    def unanswerable(self, session: Session, *, at: datetime) -> list[str]:
        """Cases that wait while no one on site may answer them."""
        ...
