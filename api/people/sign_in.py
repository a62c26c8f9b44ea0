"""Signing in by password, and the session that each sign-in starts. Every sign-in starts a new session."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from api.people import challenges, failed_sign_ins, officers, sessions
from api.people.casework import Casework
from api.people.officers import SignedInOfficer
from api.people.passwords import Passwords
from api.people.sessions import Lifetime, Way
from api.platform.database.database import Database
from api.platform.errors import WrongPasswordError
from api.platform.events import Broker, Event
from api.platform.tokens import token_hash

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser that signs in: its address, where that identifies it, and its present session's token."""

    source: str | None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    database: Database
    broker: Broker
    passwords: Passwords
    clock: Callable[[], datetime]
    lifetime: Lifetime
    casework: Casework

    def by_password(self, name: str, password: str, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session; return the officer and the session's token.

        Raises WrongPasswordError, TooManyAttemptsError or TooManySignInsError.
        """
        with self.passwords.place():
            pseudonym = self.check_password(name, password, visitor.source)
            return self.begin(pseudonym, "password", visitor)

    def begin(self, pseudonym: str, way: Way, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session for an authenticated officer, and end the one that the browser had.

        If that was another officer's, their cases go back to the queue.

        Raises WrongPasswordError where the officer was disabled in the meantime.
        """
        released: list[str] = []
        with self.database.write() as session:
            now = self.clock()
            sessions.forget_ended(session, at=now, lifetime=self.lifetime)
            if visitor.token is not None:
                before = sessions.replace(session, token_hash(visitor.token), at=now)
                if before is not None and before != pseudonym:
                    released = self.casework.leave(session, before, at=now)
            token, who = sessions.begin(session, pseudonym, at=now, way=way)
            if who.works:
                self.casework.start_shift(session, pseudonym, at=now)
        log.info("signed in", officer=pseudonym, way=way)
        for passage in released:
            self.broker.publish(Event("referral.changed", passage))
        return who, token

    def check_password(self, name: str, password: str, source: str | None) -> str:
        """The pseudonym of the officer with this name and password.

        Raises WrongPasswordError or TooManyAttemptsError.
        """
        limits = self._limits(name, source)
        known = self._count_attempt(name, limits)
        if not self.passwords.fits(password, known[1] if known else None) or known is None:
            log.warning("sign-in refused")
            raise WrongPasswordError
        with self.database.write() as session:
            for about, limit in limits.items():
                if limit is failed_sign_ins.NAME:
                    failed_sign_ins.forgive(session, about)
                else:
                    failed_sign_ins.take_back(session, about)
        return known[0]

    def forget_old(self) -> None:
        """Remove ended sessions, old failed sign-ins and unanswered challenges."""
        with self.database.write(turn=False) as session:
            now = self.clock()
            sessions.forget_ended(session, at=now, lifetime=self.lifetime)
            failed_sign_ins.forget_old(session, at=now)
            challenges.forget_old(session, at=now)

    def _limits(self, name: str, source: str | None) -> dict[str, failed_sign_ins.Limit]:
        limits = {failed_sign_ins.subject("name", name): failed_sign_ins.NAME}
        if source is not None:
            limits[failed_sign_ins.subject("source", source)] = failed_sign_ins.SOURCE
        return limits

    def _count_attempt(self, name: str, limits: dict[str, failed_sign_ins.Limit]) -> tuple[str, str] | None:
        # Read first, without the turn to write: a flood at a paused name delays no writer.
        with self.database.read() as session:
            for about, limit in limits.items():
                failed_sign_ins.check(session, about, limit, at=self.clock())
            known = officers.password_hash_of(session, name)
        with self.database.write() as session:
            for about, limit in limits.items():
                failed_sign_ins.count(session, about, limit, at=self.clock())
        return known
