"""The tokens of lanes: the present one, the former one for a while, and when each expires.

A token is shown once, and kept as a hash.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.lanes import intake
from api.lanes.intake import is_revoked
from api.ledger import chain
from api.people.officers import COMMAND_LINE, SignedInOfficer
from api.platform.database.database import Database
from api.platform.database.tables import LaneRow
from api.platform.errors import LaneUnknownError, TokenRefusedError
from api.platform.events import Broker, Event
from api.platform.tokens import new_token, token_hash

log = structlog.get_logger(__name__)

_MARK_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class RegisteredLane:
    lane: str
    revoked: bool
    added_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    former_until: datetime | None
    """Until when the former token works, too."""


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
    """Give a lane a new token; the one before works until the overlap ends, or until it expires.

    One before that is refused at once. Raises LaneUnknownError, also where the lane was revoked.
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
        """Register a lane; return its token. Raises NameTakenError."""
        with self.database.write() as session:
            now = self.clock()
            token = intake.add(session, lane, at=now, expires_at=_end(now, expires_days), by=by.pseudonym)
        self._changed("lane.added", lane, by)
        return token

    def rotate(self, lane: str, overlap_s: int, expires_days: int | None, by: SignedInOfficer) -> str:
        """Give a lane a new token; the one before works for a while. Raises LaneUnknownError."""
        with self.database.write() as session:
            now = self.clock()
            token = rotate(
                session,
                lane,
                at=now,
                overlap=timedelta(seconds=overlap_s),
                expires_at=_end(now, expires_days),
                by=by.pseudonym,
            )
        self._changed("lane.token_rotated", lane, by)
        return token

    def revoke(self, lane: str, by: SignedInOfficer) -> None:
        """Take a lane's tokens from it, for good. Raises LaneUnknownError."""
        with self.database.write() as session:
            intake.revoke(session, lane, at=self.clock(), by=by.pseudonym)
        self._changed("lane.revoked", lane, by)

    def _changed(self, what: str, lane: str, by: SignedInOfficer) -> None:
        log.info(what, lane=lane, by=by.pseudonym)
        self.broker.publish(Event("lane.changed", ""))


def _end(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)
