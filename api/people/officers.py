"""Officers: who may sign in, with which role and duties; every change is an entry of the ledger."""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.ledger import chain
from api.people.roles import Role, Task, having
from api.platform.database.tables import OfficerRow, PasskeyRow, SessionRow
from api.platform.errors import (
    LastAdministratorError,
    NameTakenError,
    NameUnknownError,
    OfficerUnknownError,
    OwnRoleError,
)

COMMAND_LINE = "command line"
"""The actor of commands on the desk's own machine."""

PROVIDER = "identity provider"
"""The actor of changes that the site's identity provider causes."""

DUTY = "[a-z0-9_-]{1,32}"
"""The form of a duty's name."""

_DISABLED = "disabled"
_EXTERNAL = "external "


@dataclass(frozen=True, slots=True)
class SignedInOfficer:
    """A signed-in officer, and the hash of the session's token."""

    name: str
    pseudonym: str
    session_sha256: str
    role: Role = Role.OFFICER
    duties: frozenset[str] = frozenset()
    """A case that needs a duty is for officers with that duty only."""
    must_change: bool = False
    """Whether the password is a one-time password, which must be changed first."""

    @property
    def works(self) -> bool:
        return Task.DECIDE in self.role.tasks

    @property
    def supervises(self) -> bool:
        return Task.SUPERVISE in self.role.tasks


@dataclass(frozen=True, slots=True)
class Person:
    """An account, active or not. `sessions`: how many are open."""

    pseudonym: str
    name: str
    role: Role
    duties: tuple[str, ...]
    disabled: bool
    external: bool
    passkeys: int
    sessions: int
    added_at: datetime


def add(
    session: Session,
    name: str,
    password_hash: str,
    *,
    at: datetime,
    role: Role = Role.OFFICER,
    duties: Iterable[str] = (),
    by: str = COMMAND_LINE,
    must_change: bool = False,
    external_sha256: str | None = None,
) -> str:
    """Register an officer and return the pseudonym that the ledger will know. Raises NameTakenError."""
    row = OfficerRow(
        pseudonym=f"officer-{secrets.token_hex(4)}",
        name=name,
        password_hash=password_hash,
        added_at=at,
        role=role.value,
        duties=_as_text(duties),
        must_change=must_change,
        external_sha256=external_sha256,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError("officer") from error
    body = {
        "officer": row.pseudonym,
        "credentials_sha256": credentials_hash(row.name, row.password_hash),
        "role": role.value,
        "duties": row.duties,
        "by": by,
    }
    chain.append(session, "officer.added", body, at=at)
    return row.pseudonym


def add_external(session: Session, name: str, external_sha256: str, role: Role, *, at: datetime) -> str:
    """Register somebody whom the site's identity provider knows. Raises NameTakenError."""
    kept = f"{_EXTERNAL}{secrets.token_hex(16)} {external_sha256}"
    return add(session, name, kept, at=at, role=role, by=PROVIDER, external_sha256=external_sha256)


def named(session: Session, name: str) -> str:
    """The pseudonym of the officer with this name. Raises NameUnknownError."""
    found = session.scalar(select(OfficerRow.pseudonym).where(OfficerRow.name == name))
    if found is None:
        raise NameUnknownError("officer", name)
    return found


def one(session: Session, pseudonym: str) -> OfficerRow:
    """The row of an officer. Raises OfficerUnknownError."""
    row = session.get(OfficerRow, pseudonym)
    if row is None:
        raise OfficerUnknownError
    return row


def another(session: Session, pseudonym: str, by: str) -> OfficerRow:
    """The row of an officer whom `by` may change. Raises OfficerUnknownError or OwnRoleError."""
    row = one(session, pseudonym)
    if row.pseudonym == by:
        raise OwnRoleError
    return row


def colleague(session: Session, pseudonym: str) -> SignedInOfficer:
    """An officer who may sign in, without a session. Raises OfficerUnknownError."""
    row = one(session, pseudonym)
    if is_disabled(row):
        raise OfficerUnknownError
    return signed_in(row)


def colleagues(session: Session, pseudonyms: Collection[str]) -> list[SignedInOfficer]:
    """The ones among them who may sign in, by name."""
    rows = session.scalars(select(OfficerRow).where(OfficerRow.pseudonym.in_(pseudonyms)))
    return sorted((signed_in(row) for row in rows if not is_disabled(row)), key=lambda found: found.name)


def as_now(session: Session, pseudonym: str) -> SignedInOfficer:
    """An officer with the present role and duties. Raises OfficerUnknownError."""
    return signed_in(one(session, pseudonym))


def signed_in(row: OfficerRow, session_sha256: str = "") -> SignedInOfficer:
    duties = frozenset(row.duties.split())
    return SignedInOfficer(row.name, row.pseudonym, session_sha256, Role(row.role), duties, row.must_change)


def listed(session: Session) -> list[Person]:
    """Everybody, those who may sign in first, by name."""
    of_passkeys = select(PasskeyRow.officer, func.count()).group_by(PasskeyRow.officer)
    of_sessions = select(SessionRow.officer, func.count()).group_by(SessionRow.officer)
    passkeys, sessions = (dict(session.execute(query).all()) for query in (of_passkeys, of_sessions))
    found = [
        Person(
            pseudonym=row.pseudonym,
            name=row.name,
            role=Role(row.role),
            duties=tuple(row.duties.split()),
            disabled=is_disabled(row),
            external=row.external_sha256 is not None,
            passkeys=passkeys.get(row.pseudonym, 0),
            sessions=sessions.get(row.pseudonym, 0),
            added_at=row.added_at,
        )
        for row in session.scalars(select(OfficerRow).order_by(OfficerRow.name))
    ]
    return sorted(found, key=lambda known: known.disabled)


def set_role(session: Session, pseudonym: str, role: Role, *, at: datetime, by: str = COMMAND_LINE) -> None:
    """Ends the former role's sessions. Raises OfficerUnknownError, OwnRoleError or LastAdministratorError."""
    row = another(session, pseudonym, by)
    if row.role == role.value:
        return
    _check_not_last(session, row)
    row.role = role.value
    _end_sessions(session, pseudonym)
    chain.append(session, "officer.role_set", {"officer": pseudonym, "role": role.value, "by": by}, at=at)


def set_duties(
    session: Session, pseudonym: str, duties: Iterable[str], *, at: datetime, by: str = COMMAND_LINE
) -> None:
    """Give an officer these duties and no other, from the next request on. Raises OfficerUnknownError or
    OwnRoleError."""
    row, text = another(session, pseudonym, by), _as_text(duties)
    if row.duties != text:
        row.duties = text
        chain.append(session, "officer.duties_set", {"officer": pseudonym, "duties": text, "by": by}, at=at)


def set_password(
    session: Session,
    pseudonym: str,
    password_hash: str,
    *,
    at: datetime,
    by: str,
    must_change: bool = False,
    keep: str | None = None,
) -> None:
    """Give an officer another password; all sessions end but the one to `keep`."""
    row = one(session, pseudonym)
    row.password_hash, row.must_change = password_hash, must_change
    _end_sessions(session, pseudonym, keep)
    credentials = credentials_hash(row.name, password_hash)
    body = {"officer": pseudonym, "credentials_sha256": credentials, "by": by}
    chain.append(session, "officer.password_set", body, at=at)


def disable(session: Session, pseudonym: str, *, at: datetime, by: str = COMMAND_LINE) -> None:
    """End an officer's sessions and allow no other, for good.

    What the officer decided stays, and so does the name: it never becomes somebody else's.
    Raises OfficerUnknownError, OwnRoleError or LastAdministratorError.
    """
    row = another(session, pseudonym, by)
    if is_disabled(row):
        return
    _check_not_last(session, row)
    _end_sessions(session, pseudonym)
    session.execute(delete(PasskeyRow).where(PasskeyRow.officer == pseudonym))
    body = {"officer": pseudonym, "by": by, "credentials_sha256": credentials_of(row)}
    # The former hash is kept behind a word: it proves name and identity, and no password fits it.
    row.password_hash = f"{_DISABLED} {row.password_hash}"
    chain.append(session, "officer.disabled", body, at=at)


def credentials_hash(name: str, password_hash: str) -> str:
    """The ledger's hash of name and password; the password hash's salt protects both from guessing."""
    return hashlib.sha256(f"{name}\n{password_hash}".encode()).hexdigest()


def credentials_of(row: OfficerRow) -> str:
    """The hash of what an officer signs in with, or signed in with before being disabled."""
    return credentials_hash(row.name, _former(row))


def is_disabled(row: OfficerRow) -> bool:
    return row.password_hash.partition(" ")[0] == _DISABLED


def provider_hash(row: OfficerRow) -> str | None:
    """The hash of the officer's identity at the identity provider; None for one with a password."""
    former = _former(row)
    kept = former.removeprefix(_EXTERNAL)
    return None if kept == former else kept.split()[-1]


def _former(row: OfficerRow) -> str:
    return row.password_hash.removeprefix(f"{_DISABLED} ")


def has_password(row: OfficerRow) -> bool:
    """Whether this officer signs in with a password of the desk."""
    return not is_disabled(row) and row.external_sha256 is None


def password_hash_of(session: Session, name: str) -> tuple[str, str] | None:
    """Pseudonym and password hash of an officer who may sign in with a password."""
    row = session.scalars(select(OfficerRow).where(OfficerRow.name == name)).one_or_none()
    return (row.pseudonym, row.password_hash) if row is not None and has_password(row) else None


def _as_text(duties: Iterable[str]) -> str:
    return " ".join(sorted(set(duties)))


def _check_not_last(session: Session, row: OfficerRow) -> None:
    """Without an administrator, only commands on the desk's machine could restore one."""
    administering = having(Task.ADMINISTER)
    if row.role not in administering:
        return
    others = select(func.count()).where(
        OfficerRow.role.in_(sorted(administering)),
        OfficerRow.password_hash.not_like(f"{_DISABLED}%"),
        OfficerRow.pseudonym != row.pseudonym,
    )
    if not session.scalar(others):
        raise LastAdministratorError


def _end_sessions(session: Session, pseudonym: str, keep: str | None = None) -> None:
    ending = delete(SessionRow).where(SessionRow.officer == pseudonym)
    session.execute(ending if keep is None else ending.where(SessionRow.token_sha256 != keep))
