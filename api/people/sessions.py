"""Sessions of officers: kept at the desk, short, and ended at any moment."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from api.ledger import chain
from api.people.officers import SignedInOfficer, is_disabled, signed_in
from api.platform.database.tables import OfficerRow, SessionRow
from api.platform.errors import NotSignedInError, SessionUnknownError, WrongPasswordError
from api.platform.tokens import token_hash

_CLOCKS_APART = timedelta(minutes=5)
"""So far back a clock may be set without signing everybody out."""

Way = Literal["password", "passkey", "provider"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lasts, in all and without being used."""

    absolute: timedelta
    idle: timedelta


def begin(
    session: Session, pseudonym: str, *, at: datetime, way: Way = "password"
) -> tuple[str, SignedInOfficer]:
    """Start a session; of its token only the hash is kept. Raises WrongPasswordError for who is disabled."""
    row = session.get(OfficerRow, pseudonym)
    if row is None or is_disabled(row):
        raise WrongPasswordError
    token = secrets.token_urlsafe(32)
    made = SessionRow(
        token_sha256=token_hash(token),
        officer=pseudonym,
        started_at=at,
        used_at=at,
        handle=secrets.token_hex(8),
        way=way,
    )
    session.add(made)
    chain.append(session, "officer.signed_in", {"officer": pseudonym, "way": way}, at=at)
    return token, signed_in(row, made.token_sha256)


def end(session: Session, officer: SignedInOfficer, *, at: datetime) -> None:
    """End the officer's own, present session."""
    session.execute(delete(SessionRow).where(SessionRow.token_sha256 == officer.session_sha256))
    chain.append(session, "officer.signed_out", {"officer": officer.pseudonym}, at=at)


def replace(session: Session, token_sha256: str, *, at: datetime) -> str | None:
    """End the session that a browser had before; return whose it was."""
    row = session.get(SessionRow, token_sha256)
    if row is None:
        return None
    session.delete(row)
    chain.append(session, "officer.signed_out", {"officer": row.officer}, at=at)
    return row.officer


def end_one(session: Session, handle: str, officer: str, *, at: datetime, by: str) -> None:
    """End one session of an officer. Raises SessionUnknownError."""
    found = select(SessionRow).where(SessionRow.handle == handle, SessionRow.officer == officer)
    row = session.scalars(found).one_or_none()
    if row is None:
        raise SessionUnknownError
    session.delete(row)
    chain.append(session, "officer.session_ended", {"officer": officer, "by": by}, at=at)


def end_all(session: Session, officer: str, *, at: datetime, by: str, but: str | None = None) -> None:
    """End all sessions of an officer, `but` perhaps the one that asks."""
    ending = delete(SessionRow).where(SessionRow.officer == officer, SessionRow.token_sha256 != (but or ""))
    if session.execute(ending.returning(SessionRow.token_sha256)).all():
        chain.append(session, "officer.session_ended", {"officer": officer, "by": by}, at=at)


def listed(session: Session, officer: str, *, at: datetime, lifetime: Lifetime) -> list[SessionRow]:
    """An officer's sessions that are not over, the last used first."""
    found = select(SessionRow).where(SessionRow.officer == officer, *_alive(at, lifetime))
    return list(session.scalars(found.order_by(SessionRow.used_at.desc())))


def by_token(
    session: Session, token_sha256: str, *, at: datetime, lifetime: Lifetime
) -> tuple[SignedInOfficer, datetime]:
    """The officer of a live session, and when it was last used. Raises NotSignedInError."""
    found = session.execute(
        select(SessionRow, OfficerRow)
        .join(OfficerRow, OfficerRow.pseudonym == SessionRow.officer)
        .where(SessionRow.token_sha256 == token_sha256, *_alive(at, lifetime))
    ).one_or_none()
    if found is None:
        raise NotSignedInError
    row, officer = found
    return signed_in(officer, row.token_sha256), row.used_at


def mark_used(session: Session, token_sha256: str, *, at: datetime) -> None:
    """Start the idle time again."""
    session.execute(update(SessionRow).where(SessionRow.token_sha256 == token_sha256).values(used_at=at))


def forget_ended(session: Session, *, at: datetime, lifetime: Lifetime) -> None:
    """Remove sessions that can never be used again."""
    ended = (SessionRow.started_at <= at - lifetime.absolute) | (SessionRow.used_at <= at - lifetime.idle)
    session.execute(delete(SessionRow).where(ended))


def _alive(at: datetime, lifetime: Lifetime) -> tuple[ColumnElement[bool], ...]:
    """Neither over nor in the future: no session lasts longer after a clock that ran ahead is set back."""
    return (
        SessionRow.started_at > at - lifetime.absolute,
        SessionRow.used_at > at - lifetime.idle,
        SessionRow.started_at <= at + _CLOCKS_APART,
        SessionRow.used_at <= at + _CLOCKS_APART,
    )
