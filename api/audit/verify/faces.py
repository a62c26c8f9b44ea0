"""Checks faces: nothing is left of erased ones, and all others are the images that were judged."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import TypeGuard

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.audit.replay.account import Account
from api.audit.replay.cases import Case
from api.audit.replay.holds import Hold
from api.faces import images
from api.faces.keyring import Keyring
from api.faces.legal_holds import reason_hash
from api.ledger import chain
from api.platform.database.tables import FacesRow, HoldRow, ImageRow, LedgerRow
from api.platform.errors import ImageChangedError, ImageUnknownError, KeyringError, SettingsError, StoreError
from lane.ledger.entry import Entry, read
from lane.platform.errors import LedgerBrokenError


def check_faces(session: Session, account: Account, keyring: Keyring | None) -> tuple[str, ...]:
    """Compare the faces that are held with the account; return what could not be checked, and why.

    Raises LedgerBrokenError: an image is missing or changed, or something is left of an erased one.
    """
    _check_erased(session, account)
    _check_holds(session, account)
    _check_kept(session)
    keys = _keys(keyring)
    for passage in sorted(account.faces.erased):
        if keys is not None and passage in keys:
            raise LedgerBrokenError(f"passage {passage}: its faces are erased, its key is still there")
    unread = [
        passage
        for passage, case in sorted(account.cases.by_passage.items())
        if passage not in account.faces.erased and not _images_open(session, account, case, keyring, keys)
    ]
    return tuple(_unopened(unread, keyring, keys))


def _check_erased(session: Session, account: Account) -> None:
    found = {
        row.passage: row.because
        for row in session.scalars(select(FacesRow).where(FacesRow.erased_at.is_not(None)))
    }
    differing = [passage for passage, _ in found.items() ^ account.faces.erased.items()]
    if differing:
        raise LedgerBrokenError(f"passage {min(differing)}: what is erased is not what the ledger says")
    query = select(ImageRow.passage).outerjoin(FacesRow, FacesRow.passage == ImageRow.passage)
    gone = or_(FacesRow.passage.is_(None), FacesRow.erased_at.is_not(None))
    left = session.scalar(query.where(gone).limit(1))
    if left is not None:
        raise LedgerBrokenError(f"passage {left}: its faces are erased, an image is still there")


def _check_holds(session: Session, account: Account) -> None:
    found = Counter(
        Hold(
            row.passage,
            row.placed_by,
            row.placed_at,
            reason_hash(row.reason),
            row.lifted_by,
            row.lifted_at,
            None if row.lift_reason is None else reason_hash(row.lift_reason),
        )
        for row in session.scalars(select(HoldRow))
    )
    expected = Counter([*account.faces.holds.values(), *account.faces.lifted])
    differing = [*(found - expected), *(expected - found)]
    if differing:
        passage = min(hold.passage for hold in differing)
        raise LedgerBrokenError(f"passage {passage}: its legal holds are not what the ledger says")


def _check_kept(session: Session) -> None:
    """No face is kept longer than allowed by the passage's end and its last entry in the ledger."""
    for row in session.scalars(select(FacesRow).where(FacesRow.erased_at.is_(None))):
        entries = [read(one.payload, one.hash) for one in _rows_about(session, row.passage)]
        closed = [inner.body.get("how") for inner in map(chain.received, entries) if _is_closing(inner)]
        if (row.closed_how, row.because) != (closed[0] if closed else None, None):
            raise LedgerBrokenError(f"passage {row.passage}: how it closed is not what the ledger says")
        received = session.scalars(select(ImageRow.received_at).where(ImageRow.passage == row.passage))
        latest = max([*(entry.at for entry in entries), *received], default=row.last_at)
        if max(row.last_at, row.closed_at or row.last_at) > latest:
            raise LedgerBrokenError(f"passage {row.passage}: its faces are kept longer than they may be")


def _is_closing(inner: Entry | None) -> TypeGuard[Entry]:
    return inner is not None and inner.kind == "passage.closed"


def _rows_about(session: Session, passage: str) -> list[LedgerRow]:
    found = select(LedgerRow).where(LedgerRow.passage == passage).order_by(LedgerRow.seq)
    return list(session.scalars(found))


def _keys(keyring: Keyring | None) -> AbstractSet[str] | None:
    try:
        return None if keyring is None else keyring.passages()
    except (KeyringError, SettingsError, StoreError):
        return None


def _images_open(
    session: Session, account: Account, case: Case, keyring: Keyring | None, keys: AbstractSet[str] | None
) -> bool:
    """Whether each image of the case is what was judged; False where no key opens them."""
    passage = case.passage
    missed = account.faces.missed(passage)
    wanted = [image.sha256 for image in case.images if image.sha256 not in missed]
    here = set(
        session.scalars(
            select(ImageRow.sha256).where(ImageRow.passage == passage, ImageRow.sealed.is_not(None))
        )
    )
    for sha256 in wanted:
        if sha256 not in here:
            raise LedgerBrokenError(f"passage {passage}: image {sha256} is missing")
    if keyring is None or keys is None or passage not in keys:
        return not wanted
    return all(_opens(session, keyring, passage, sha256) for sha256 in wanted)


def _opens(session: Session, keyring: Keyring, passage: str, sha256: str) -> bool:
    try:
        images.image(session, keyring, passage, sha256)
    except (ImageChangedError, ImageUnknownError) as error:
        raise LedgerBrokenError(f"passage {passage}: image {sha256} is missing or changed") from error
    except KeyringError:
        return False
    return True


def _unopened(unread: list[str], keyring: Keyring | None, keys: AbstractSet[str] | None) -> Iterator[str]:
    if not unread:
        return
    if keyring is None or keys is None:
        why = "there is no keyring here"
    elif any(passage in keys for passage in unread):
        why = "the keyring's keys are wrapped by another key"
    else:
        why = "the keyring has no keys for them"
    yield f"the images of {len(unread)} passages were not opened: {why}"
