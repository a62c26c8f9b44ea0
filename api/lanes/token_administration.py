"""Administrators' use cases of lanes' tokens: register, rotate, revoke."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.lanes import intake, tokens
from api.lanes.tokens import RegisteredLane
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.events import Broker, Event

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LaneTokens:
    """A token is shown once, and kept as a hash."""

    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def listed(self) -> list[RegisteredLane]:
        """All lanes."""
        with self.database.read() as session:
            return tokens.listed(session)

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
            token = tokens.rotate(
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
