"""Legal holds, and how many faces the desk holds: the use cases of auditors and administrators."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from api.faces import erasure, images
from api.faces.keyring import Keyring
from api.platform.database.database import Database
from api.platform.database.tables import HoldRow
from api.platform.errors import HoldUnknownError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FacesHeld:
    """How many passages the desk holds faces of; see `api.faces.images.held` for what that counts."""

    at: datetime
    passages: int
    warning_from: int

    @property
    def warns(self) -> bool:
        return self.passages >= self.warning_from


@dataclass(frozen=True, slots=True)
class LegalHolds:
    """Places, lifts and shows legal holds, and counts the faces that the desk holds."""

    database: Database
    keyring: Keyring
    clock: Callable[[], datetime]
    warning_from: int

    def place(self, passage: str, by: str, reason: str) -> HoldRow:
        """Suspend the erasure of a passage's faces. Raises FacesUnknownError or FacesErasedError."""
        with self.database.write() as session:
            hold = erasure.place(session, passage, by, reason, at=self.clock())
        log.warning("hold.placed", passage=passage, officer=by)
        return hold

    def lift(self, passage: str, by: str, reason: str) -> None:
        """Let the erasure go on. Raises HoldUnknownError."""
        with self.database.write() as session:
            erasure.lift(session, passage, by, reason, at=self.clock())
        log.warning("hold.lifted", passage=passage, officer=by)

    def listed(self) -> list[HoldRow]:
        with self.database.read() as session:
            return erasure.holds(session)

    def on(self, passage: str) -> tuple[HoldRow | None, tuple[str, ...]]:
        """The hold on a passage, and its stored images."""
        with self.database.read() as session:
            return erasure.hold_on(session, passage), images.images_of(session, passage)

    def image(self, passage: str, sha256: str) -> bytes:
        """An image of a passage, which must be under a legal hold. Raises what `images.image` raises."""
        with self.database.read() as session:
            if erasure.hold_on(session, passage) is None:
                raise HoldUnknownError
            return images.image(session, self.keyring, passage, sha256)

    def count(self) -> FacesHeld:
        with self.database.read() as session:
            return FacesHeld(self.clock(), images.held(session), self.warning_from)
