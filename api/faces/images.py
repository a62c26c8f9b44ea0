"""The faces of passages: images sealed under a key for each passage, and how many the desk holds.

An image comes before the entry that names it. For an erased passage no image is ever stored again.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from api.faces.keyring import DataKey, Keyring
from api.faces.sealing import seal, unseal
from api.platform.database.tables import FacesRow, ImageRow
from api.platform.errors import (
    ImageMissingError,
    ImageRefusedError,
    ImageUnknownError,
    PassageUnknownError,
    TooManyImagesError,
)
from lane.ledger.entry import Entry

MOST_IMAGES = 48
"""Of one passage: a referral and two more rounds of capturing, of sixteen images each."""
_JPEG = b"\xff\xd8\xff"


def check(sha256: str, body: bytes) -> None:
    """Raise ImageRefusedError unless this is a JPEG file with that hash."""
    if hashlib.sha256(body).hexdigest() != sha256 or not body.startswith(_JPEG):
        raise ImageRefusedError


def wanted(session: Session, passage: str, sha256: str) -> bool:
    """Whether an image of this passage would be stored now."""
    row = session.get(FacesRow, passage)
    erased = row is not None and row.erased_at is not None
    return not erased and session.get(ImageRow, (passage, sha256)) is None


def keep(
    session: Session,
    keyring: Keyring,
    lane: str,
    passage: str,
    sha256: str,
    body: bytes,
    *,
    at: datetime,
    key: DataKey | None = None,
) -> None:
    """Seal and store an uploaded image that was checked, once. Of an erased passage nothing is stored.

    `key`: the passage's key as it was before the turn to write; where it has changed since, the new one is
    fetched. Raises PassageUnknownError, TooManyImagesError or KeyringError.
    """
    if not _expected(session, lane, passage, sha256, at=at):
        return
    if key is None or not keyring.has(passage, key):
        key = keyring.key_for(passage, at=at)
    _put(session, passage, sha256, seal(key.secret, passage, sha256, body), at=at)


def will_not_come(session: Session, lane: str, passage: str, sha256: str, *, at: datetime) -> None:
    """Note that a lane no longer has an image: the passage's entry need not wait for it.

    Raises PassageUnknownError or TooManyImagesError.
    """
    if _expected(session, lane, passage, sha256, at=at):
        _put(session, passage, sha256, None, at=at)


def came(session: Session, passage: str, images: Iterable[str]) -> list[str]:
    """Check that each image is here; return those that will not come. Raises ImageMissingError.

    Where the passage is erased already, none will come.
    """
    row = session.get(FacesRow, passage)
    wanted = list(images)
    if row is not None and row.erased_at is not None:
        return wanted
    asked = select(ImageRow.sha256, ImageRow.sealed.is_not(None)).where(ImageRow.passage == passage)
    here = {sha256: bool(sealed) for sha256, sealed in session.execute(asked)}
    for sha256 in wanted:
        if sha256 not in here:
            raise ImageMissingError(sha256)
    return [sha256 for sha256 in wanted if not here[sha256]]


def note_entry(session: Session, entry: Entry, *, at: datetime) -> None:
    """Take in a lane's entry, received `at`: how long its passage's faces may stay counts from it."""
    passage = entry.body.get("passage")
    row = session.get(FacesRow, passage) if isinstance(passage, str) else None
    if row is None:
        return
    row.told, row.last_at = True, at
    if entry.kind == "passage.closed" and row.closed_at is None:
        # A lane that was out of reach sends this late; faces do not stay longer for it.
        row.closed_how, row.closed_at = str(entry.body.get("how")), min(entry.at, at)
    session.flush()


def image(session: Session, keyring: Keyring, passage: str, sha256: str) -> bytes:
    """One image. Raises ImageUnknownError, KeyLostError, KeyWrongError, ImageChangedError or KeyringError."""
    row = session.get(ImageRow, (passage, sha256))
    if row is None or row.sealed is None:
        raise ImageUnknownError
    return unseal(keyring.key_of(passage), passage, sha256, row.sealed)


def images_of(session: Session, passage: str) -> tuple[str, ...]:
    asked = select(ImageRow.sha256).where(ImageRow.passage == passage, ImageRow.sealed.is_not(None))
    return tuple(session.scalars(asked.order_by(ImageRow.received_at, ImageRow.sha256)))


def held(session: Session) -> int:
    """How many passages the desk holds at least one image of, live or from the document.

    No faces are compared for this: a passenger who was referred twice counts twice, so the figure is an upper
    bound of the passengers. A document that shows somebody else is not counted as another person.
    """
    passages = select(ImageRow.passage).where(ImageRow.sealed.is_not(None)).distinct()
    return session.scalar(select(func.count()).select_from(passages.subquery())) or 0


def _expected(session: Session, lane: str, passage: str, sha256: str, *, at: datetime) -> bool:
    """Whether the image is to be stored: not where it is here already, or the passage is erased."""
    row = session.get(FacesRow, passage)
    if row is None:
        session.add(FacesRow(passage=passage, lane=lane, told=False, last_at=at))
        session.flush()
        return True
    if row.lane != lane:
        raise PassageUnknownError
    if row.erased_at is not None:
        return False
    known = set(session.scalars(select(ImageRow.sha256).where(ImageRow.passage == passage)))
    if sha256 in known:
        return False
    if len(known) >= MOST_IMAGES:
        raise TooManyImagesError
    row.last_at = at
    session.flush()
    return True


def _put(session: Session, passage: str, sha256: str, sealed: bytes | None, *, at: datetime) -> None:
    session.execute(insert(ImageRow).values(passage=passage, sha256=sha256, sealed=sealed, received_at=at))
