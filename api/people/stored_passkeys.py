"""Officers' passkeys: the public half of each, and how often it was used."""

import hashlib
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.registration.verify_registration_response import VerifiedRegistration

from api.ledger import chain
from api.platform.database.tables import PasskeyRow
from api.platform.errors import PasskeyRefusedError, PasskeyUnknownError


def name_of(credential: bytes) -> str:
    """The name of a passkey in lists."""
    return hashlib.sha256(credential).hexdigest()


def add(
    session: Session, officer: str, made: VerifiedRegistration, label: str, *, at: datetime
) -> PasskeyRow:
    """Keep a passkey. Raises PasskeyRefusedError where it is somebody's already."""
    row = PasskeyRow(
        sha256=name_of(made.credential_id),
        officer=officer,
        credential=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        label=label,
        added_at=at,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise PasskeyRefusedError from error
    body = {"officer": officer, "passkey": row.sha256, "key_sha256": key_hash(row)}
    chain.append(session, "officer.passkey_added", body, at=at)
    return row


def remove(session: Session, officer: str, name: str, *, at: datetime) -> None:
    """Remove one of an officer's passkeys. Raises PasskeyUnknownError."""
    gone = delete(PasskeyRow).where(PasskeyRow.sha256 == name, PasskeyRow.officer == officer)
    if not session.execute(gone.returning(PasskeyRow.sha256)).all():
        raise PasskeyUnknownError
    chain.append(session, "officer.passkey_removed", {"officer": officer, "passkey": name}, at=at)


def of(session: Session, officer: str) -> list[PasskeyRow]:
    """An officer's passkeys, the oldest first."""
    found = select(PasskeyRow).where(PasskeyRow.officer == officer).order_by(PasskeyRow.added_at)
    return list(session.scalars(found))


def by_credential(session: Session, credential: bytes) -> PasskeyRow:
    """The passkey of this credential; nobody else uses it meanwhile. Raises PasskeyRefusedError."""
    found = select(PasskeyRow).where(PasskeyRow.sha256 == name_of(credential)).with_for_update()
    row = session.scalars(found).one_or_none()
    if row is None:
        raise PasskeyRefusedError
    return row


def key_hash(row: PasskeyRow) -> str:
    """What the ledger records of the public key, so that a replaced key is found."""
    return hashlib.sha256(row.public_key).hexdigest()
