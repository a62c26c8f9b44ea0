"""Registers lanes. Their tokens: the present one, the former one for a while, and when each expires.

A token is shown once, and kept as a hash.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.ledger import chain
from api.people.officers import COMMAND_LINE, SignedInOfficer
from api.platform.database.database import Database
from api.platform.database.tables import LaneRow
from api.platform.errors import LaneUnknownError, NameTakenError, TokenRefusedError
from api.platform.events import Broker, Event
from api.platform.tokens import new_token, token_hash

log = structlog.get_logger(__name__)

_MARK_USED_EVERY = timedelta(minutes=1)
_REVOKED = "revoked "
MAY_DELIVER = LaneRow.token_sha256.not_like(f"{_REVOKED}%")
"""The condition of a lane that is not revoked."""


@dataclass(frozen=True, slots=True)
class RegisteredLane:
    lane: str
    revoked: bool
    added_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    former_until: datetime | None
    """Until when the former token works, too."""


def add(
    session: Session,
    lane: str,
    *,
    at: datetime,
    expires_at: datetime | None = None,
    by: str = COMMAND_LINE,
) -> str:
    """Register a lane and return its token, which is kept nowhere. Raises NameTakenError."""
    token = new_token()
    session.add(LaneRow(id=lane, token_sha256=token_hash(token), added_at=at, token_until=expires_at))
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError("lane") from error
    body = {
        "lane": lane,
        "token_sha256": token_hash(token),
        "expires_at": expires_at and expires_at.isoformat(),
        "by": by,
    }
    chain.append(session, "lane.added", body, at=at)
    return token


def revoke(session: Session, lane: str, *, at: datetime, by: str = COMMAND_LINE) -> None:
    """Take a lane's tokens from it, for good; what it delivered stays. Raises LaneUnknownError."""
    row = session.get(LaneRow, lane)
    if row is None:
        raise LaneUnknownError
    if not is_revoked(row):
        # The hash of no token: hexadecimal digits never begin like this. Each its own: the column is unique.
        row.token_sha256 = _REVOKED + secrets.token_hex(28)
        row.former_sha256 = row.former_until = row.token_until = None
        chain.append(session, "lane.revoked", {"lane": lane, "by": by}, at=at)


def is_revoked(row: LaneRow) -> bool:
    return row.token_sha256.startswith(_REVOKED)


def by_token(session: Session, token: str, *, at: datetime) -> tuple[str, bool]:
    """The lane that has this token, and whether it is time to note its use. Raises TokenRefusedError."""
    wanted = token_hash(token)
    row = session.scalars(
        select(LaneRow).where(or_(LaneRow.token_sha256 == wanted, LaneRow.former_sha256 == wanted))
    ).one_or_none()
    # The index compares hashes, of which a caller cannot choose a prefix; the final check is constant-time.
    if row is None or not (_is(row.token_sha256, wanted, row.token_until, at) or _is_former(row, wanted, at)):
        raise TokenRefusedError
    return row.id, row.used_at is None or at - row.used_at > _MARK_USED_EVERY


def _is(kept: str, wanted: str, until: datetime | None, at: datetime) -> bool:
    return hmac.compare_digest(kept, wanted) and (until is None or at < until)


def _is_former(row: LaneRow, wanted: str, at: datetime) -> bool:
    former = row.former_sha256
    return former is not None and row.former_until is not None and _is(former, wanted, row.former_until, at)


def mark_used(session: Session, lane: str, *, at: datetime) -> None:
    row = session.get(LaneRow, lane)
    if row is not None:
        row.used_at = at


def rotate(
    session: Session,
    lane: str,
    *,
    at: datetime,
    overlap: timedelta,
    expires_at: datetime | None = None,
    by: str = COMMAND_LINE,
) -> str:
    """Give a lane a new token.

    The one before works until the overlap ends, or until it expires; one before that no more. Raises
    LaneUnknownError, also where the lane was revoked.
    """
    row = session.scalars(select(LaneRow).where(LaneRow.id == lane).with_for_update()).one_or_none()
    if row is None or is_revoked(row):
        raise LaneUnknownError
    token, until = new_token(), at + overlap
    row.former_sha256 = row.token_sha256
    row.former_until = until if row.token_until is None else min(until, row.token_until)
    row.token_sha256, row.token_until = token_hash(token), expires_at
    body = {
        "lane": lane,
        "token_sha256": row.token_sha256,
        "expires_at": expires_at and expires_at.isoformat(),
        "former_until": row.former_until.isoformat(),
        "by": by,
    }
    chain.append(session, "lane.token_rotated", body, at=at)
    return token


def listed(session: Session) -> list[RegisteredLane]:
    """All lanes, those that may deliver first, by name."""
    found = [
        RegisteredLane(row.id, is_revoked(row), row.added_at, row.used_at, row.token_until, row.former_until)
        for row in session.scalars(select(LaneRow).order_by(LaneRow.id))
    ]
    return sorted(found, key=lambda one: one.revoked)


@dataclass(frozen=True, slots=True)
class LaneTokens:
    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def listed(self) -> list[RegisteredLane]:
        with self.database.read() as session:
            return listed(session)

    def add(self, lane: str, expires_days: int | None, by: SignedInOfficer) -> str:
        with self.database.write() as session:
            now = self.clock()
            token = add(session, lane, at=now, expires_at=expiry(now, expires_days), by=by.pseudonym)
        self._changed("lane.added", lane, by)
        return token

    def rotate(self, lane: str, overlap_s: int, expires_days: int | None, by: SignedInOfficer) -> str:
        with self.database.write() as session:
            now, overlap = self.clock(), timedelta(seconds=overlap_s)
            until = expiry(now, expires_days)
            token = rotate(session, lane, at=now, overlap=overlap, expires_at=until, by=by.pseudonym)
        self._changed("lane.token_rotated", lane, by)
        return token

    def revoke(self, lane: str, by: SignedInOfficer) -> None:
        with self.database.write() as session:
            revoke(session, lane, at=self.clock(), by=by.pseudonym)
        self._changed("lane.revoked", lane, by)

    def _changed(self, what: str, lane: str, by: SignedInOfficer) -> None:
        log.info(what, lane=lane, by=by.pseudonym)
        self.broker.publish(Event("lane.changed", ""))


def expiry(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)
