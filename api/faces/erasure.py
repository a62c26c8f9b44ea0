"""Erasing: a passage's key is destroyed, its images' ciphertext deleted, and the ledger records it.

Faces of a passenger who passed through are erased at once; all others a set time after the passage closed, or
after the lane last sent something of it. A legal hold suspends that.
"""

import hashlib
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from api.faces.keyring import Keyring
from api.ledger import chain
from api.platform.database.tables import FacesRow, HoldRow, ImageRow, PreparedRow
from api.platform.errors import FacesErasedError, FacesUnknownError, HoldUnknownError

Because = Literal["passed_through", "retention", "never_told"]
PASSED = "passed_through"
MOST_AT_ONCE = 100


def due(session: Session, *, closed_before: datetime) -> list[str]:
    """Passages whose faces are due now, at most `MOST_AT_ONCE`."""
    found = select(FacesRow.passage).where(_is_due(closed_before)).limit(MOST_AT_ONCE)
    return list(session.scalars(found))


def erase(session: Session, keyring: Keyring, passage: str, *, closed_before: datetime, at: datetime) -> bool:
    """Erase one passage's faces if they are due now. `session` must be one that writes.

    The key is destroyed before the transaction ends: the ledger never records an erasure that did not happen.
    Where the transaction fails after that, the images can no longer be opened, and the next run records it.
    """
    row = session.get(FacesRow, passage, with_for_update=True)
    due_now = select(FacesRow.passage).where(FacesRow.passage == passage, _is_due(closed_before))
    if row is None or session.scalar(due_now) is None:
        return False
    images = session.scalars(
        select(ImageRow.sha256)
        .where(ImageRow.passage == passage, ImageRow.sealed.is_not(None))
        .order_by(ImageRow.sha256)
    ).all()
    session.execute(delete(ImageRow).where(ImageRow.passage == passage))
    because = _because(row)
    row.erased_at, row.because = at, because
    session.flush()
    body = {"passage": passage, "images": list(images), "because": because}
    chain.append(session, "passage.erased", body, at=at)
    keyring.destroy([passage])
    return True


def leftovers(session: Session, keyring: Keyring) -> list[str]:
    """Keys of passages without images, left by a desk that died between key and image."""
    waiting = set(session.scalars(select(FacesRow.passage).where(FacesRow.erased_at.is_(None))))
    return sorted(keyring.passages() - waiting - keys_of_prepared_cases(session))


def place(session: Session, passage: str, officer: str, reason: str, *, at: datetime) -> HoldRow:
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


def lift(session: Session, passage: str, officer: str, reason: str, *, at: datetime) -> None:
    """Let the erasure of a passage's faces go on. Raises HoldUnknownError."""
    row = hold_on(session, passage)
    if row is None:
        raise HoldUnknownError
    row.lifted_by, row.lifted_at, row.lift_reason = officer, at, reason
    session.flush()
    chain.append(session, "hold.lifted", _entry_body(passage, officer, reason), at=at)


def holds(session: Session) -> list[HoldRow]:
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


def _is_due(closed_before: datetime) -> ColumnElement[bool]:
    passed = FacesRow.closed_how == PASSED
    old = func.coalesce(FacesRow.closed_at, FacesRow.last_at) <= closed_before
    held = exists().where(HoldRow.passage == FacesRow.passage, HoldRow.lifted_at.is_(None))
    return and_(FacesRow.erased_at.is_(None), or_(passed, old), ~held)


def _because(row: FacesRow) -> Because:
    if row.closed_how == PASSED:
        return "passed_through"
    return "retention" if row.told else "never_told"


def keys_of_prepared_cases(session: Session) -> set[str]:
    """Names under which the keyring holds keys of prepared cases."""
    return set(session.scalars(select(PreparedRow.case).where(PreparedRow.retired_at.is_(None))))
