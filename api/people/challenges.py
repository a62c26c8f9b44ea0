"""Challenges to browsers: each is answered once, soon, and by the browser that was asked."""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.platform.database.tables import ChallengeRow
from api.platform.tokens import token_hash

Kind = Literal["passkey_new", "passkey", "provider"]

LASTS = timedelta(minutes=5)
MOST = 1000
"""Anyone may ask for one: more than this are not kept at the same time."""


def keep(session: Session, kind: Kind, secret: str, holder: str, kept: str, *, at: datetime) -> None:
    """Keep a challenge. Where too many wait, the oldest is removed: a prompt answer to a new one counts."""
    forget_old(session, at=at)
    waiting = session.scalar(select(func.count()).select_from(ChallengeRow)) or 0
    if waiting >= MOST:
        oldest = select(ChallengeRow.sha256).order_by(ChallengeRow.until).limit(waiting - MOST + 1)
        session.execute(delete(ChallengeRow).where(ChallengeRow.sha256.in_(oldest)))
    session.add(
        ChallengeRow(
            sha256=token_hash(secret), kind=kind, holder=token_hash(holder), kept=kept, until=at + LASTS
        )
    )


def take(session: Session, kind: Kind, secret: str, holder: str, *, at: datetime) -> str | None:
    """Take the data that was stored with the challenge; None where it is unknown or too old."""
    gone = delete(ChallengeRow).where(
        ChallengeRow.sha256 == token_hash(secret),
        ChallengeRow.kind == kind,
        ChallengeRow.holder == token_hash(holder),
    )
    row = session.execute(gone.returning(ChallengeRow.kept, ChallengeRow.until)).one_or_none()
    return None if row is None or row.until <= at else row.kept


def forget_old(session: Session, *, at: datetime) -> None:
    session.execute(delete(ChallengeRow).where(ChallengeRow.until <= at))
