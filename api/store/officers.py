"""Officers and their sessions. Passwords are checked outside of any transaction: that takes long."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.errors import NameTakenError, NameUnknownError, NotSignedInError, WrongPasswordError
from api.store import chain
from api.store.tables import OfficerRow, SessionRow
from api.store.tokens import token_hash

_DISABLED = "disabled"


class Role(StrEnum):
    """What somebody may do at the desk; `api.permissions` says what that is."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class SignedInOfficer:
    """Who is signed in, and the hash of the session's token."""

    name: str
    pseudonym: str
    session_sha256: str
    role: Role = Role.OFFICER

    @property
    def supervises(self) -> bool:
        """Whether this officer may see how all goes."""
        return self.role is Role.SUPERVISOR


def add(session: Session, name: str, password_hash: str, *, at: datetime, role: Role = Role.OFFICER) -> str:
    """Register an officer and return the pseudonym that the ledger will know. Raises NameTakenError."""
    pseudonym = f"officer-{secrets.token_hex(4)}"
    row = OfficerRow(
        pseudonym=pseudonym, name=name, password_hash=password_hash, added_at=at, role=role.value
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError("officer", name) from error
    credentials = credentials_hash(name, password_hash)
    body = {"officer": pseudonym, "credentials_sha256": credentials, "role": role.value}
    chain.append(session, "officer.added", body, at=at)
    return pseudonym


def disable(session: Session, name: str, *, at: datetime) -> str:
    """End an officer's sessions and allow no other, for good; return the pseudonym.

    What the officer decided stays, and so does the name: it never becomes somebody else's.
    Raises NameUnknownError.
    """
    row = session.scalars(select(OfficerRow).where(OfficerRow.name == name)).one_or_none()
    if row is None:
        raise NameUnknownError("officer", name)
    session.execute(delete(SessionRow).where(SessionRow.officer == row.pseudonym))
    if not is_disabled(row):
        row.password_hash = _DISABLED
        chain.append(session, "officer.disabled", {"officer": row.pseudonym}, at=at)
    return row.pseudonym


def credentials_hash(name: str, password_hash: str) -> str:
    """What the ledger keeps of name and password: the password hash's salt keeps both from being guessed."""
    return hashlib.sha256(f"{name}\n{password_hash}".encode()).hexdigest()


def is_disabled(row: OfficerRow) -> bool:
    """Whether this officer may not sign in any more."""
    return row.password_hash == _DISABLED


def password_hash_of(session: Session, name: str) -> tuple[str, str] | None:
    """Pseudonym and password hash of an officer who may sign in."""
    row = session.scalars(select(OfficerRow).where(OfficerRow.name == name)).one_or_none()
    return None if row is None or is_disabled(row) else (row.pseudonym, row.password_hash)


def sign_in(session: Session, pseudonym: str, *, at: datetime) -> tuple[str, Role]:
    """Start a session; return its token, of which only the hash is kept, and whom it is for.

    Raises WrongPasswordError where the officer was disabled while the password was checked.
    """
    row = session.get(OfficerRow, pseudonym)
    if row is None or is_disabled(row):
        raise WrongPasswordError
    token = secrets.token_urlsafe(32)
    session.add(SessionRow(token_sha256=token_hash(token), officer=pseudonym, started_at=at, used_at=at))
    chain.append(session, "officer.signed_in", {"officer": pseudonym}, at=at)
    return token, Role(row.role)


def sign_out(session: Session, officer: SignedInOfficer, *, at: datetime) -> None:
    """End a session."""
    session.execute(delete(SessionRow).where(SessionRow.token_sha256 == officer.session_sha256))
    chain.append(session, "officer.signed_out", {"officer": officer.pseudonym}, at=at)


def by_session(
    session: Session, token_sha256: str, *, at: datetime, absolute: timedelta, idle: timedelta
) -> tuple[SignedInOfficer, datetime]:
    """The officer of a live session, and when it was last used. Raises NotSignedInError."""
    found = session.execute(
        select(SessionRow, OfficerRow)
        .join(OfficerRow, OfficerRow.pseudonym == SessionRow.officer)
        .where(SessionRow.token_sha256 == token_sha256)
        .where(SessionRow.started_at > at - absolute, SessionRow.used_at > at - idle)
    ).one_or_none()
    if found is None:
        raise NotSignedInError
    row, officer = found
    who = SignedInOfficer(officer.name, officer.pseudonym, row.token_sha256, Role(officer.role))
    return who, row.used_at


def mark_used(session: Session, token_sha256: str, *, at: datetime) -> None:
    """The officer did something: the idle time starts again."""
    row = session.get(SessionRow, token_sha256)
    if row is not None:
        row.used_at = at


def forget_ended(session: Session, *, at: datetime, absolute: timedelta, idle: timedelta) -> None:
    """Remove sessions that can never be used again."""
    ended = (SessionRow.started_at <= at - absolute) | (SessionRow.used_at <= at - idle)
    session.execute(delete(SessionRow).where(ended))
