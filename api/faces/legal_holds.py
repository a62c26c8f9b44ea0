"""Legal holds, which suspend the erasure of faces, and how many faces the desk holds."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.faces import images
from api.faces.keyring import Keyring
from api.ledger import chain
from api.platform.database.database import Database
from api.platform.database.tables import FacesRow, HoldRow
from api.platform.errors import FacesErasedError, FacesUnknownError, HoldUnknownError

log = structlog.get_logger(__name__)


def place_hold(session: Session, passage: str, officer: str, reason: str, *, at: datetime) -> HoldRow:
    """Suspend the erasure of a passage's faces; a hold that is there already stays as it is.

    Raises FacesUnknownError or FacesErasedError.
    """
    row = session.get(FacesRow, passage)
    if row is None:
        raise FacesUnknownError
    if row.erased_at is not None:
        raise FacesErasedError
    known = hold_on(session, passage)
    if known is None:
        known = HoldRow(passage=passage, placed_by=officer, placed_at=at, reason=reason)
        session.add(known)
        session.flush()
        chain.append(session, "hold.placed", _entry_body(passage, officer, reason), at=at)
    return known


def lift_hold(session: Session, passage: str, officer: str, reason: str, *, at: datetime) -> None:
    """Let the erasure of a passage's faces go on. Raises HoldUnknownError."""
    row = hold_on(session, passage)
    if row is None:
        raise HoldUnknownError
    row.lifted_by, row.lifted_at, row.lift_reason = officer, at, reason
    session.flush()
    chain.append(session, "hold.lifted", _entry_body(passage, officer, reason), at=at)


def open_holds(session: Session) -> list[HoldRow]:
    """All legal holds that are not lifted, the oldest first."""
    asked = select(HoldRow).where(HoldRow.lifted_at.is_(None)).order_by(HoldRow.placed_at, HoldRow.id)
    return list(session.scalars(asked))


def hold_on(session: Session, passage: str) -> HoldRow | None:
    asked = select(HoldRow).where(HoldRow.passage == passage, HoldRow.lifted_at.is_(None))
    return session.scalars(asked).one_or_none()


def reason_hash(reason: str) -> str:
    """What the ledger records of a reason."""
    return hashlib.sha256(reason.encode()).hexdigest()


def _entry_body(passage: str, officer: str, reason: str) -> dict[str, str]:
    return {"passage": passage, "officer": officer, "reason_sha256": reason_hash(reason)}


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
        """Raises FacesUnknownError or FacesErasedError."""
        with self.database.write() as session:
            hold = place_hold(session, passage, by, reason, at=self.clock())
        log.warning("hold.placed", passage=passage, officer=by)
        return hold

    def lift(self, passage: str, by: str, reason: str) -> None:
        """Raises HoldUnknownError."""
        with self.database.write() as session:
            lift_hold(session, passage, by, reason, at=self.clock())
        log.warning("hold.lifted", passage=passage, officer=by)

    def listed(self) -> list[HoldRow]:
        with self.database.read() as session:
            return open_holds(session)

    def on(self, passage: str) -> tuple[HoldRow | None, tuple[str, ...]]:
        """The hold on a passage, and its stored images."""
        with self.database.read() as session:
            return hold_on(session, passage), images.images_of(session, passage)

    def image(self, passage: str, sha256: str) -> bytes:
        """An image of a passage, which must be under a legal hold. Raises what `images.image` raises."""
        with self.database.read() as session:
            if hold_on(session, passage) is None:
                raise HoldUnknownError
            return images.image(session, self.keyring, passage, sha256)

    def count(self) -> FacesHeld:
        with self.database.read() as session:
            return FacesHeld(self.clock(), images.held(session), self.warning_from)
