"""Signing in at the site's identity provider: from the browser's question to a session."""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.people import challenges, identity_provider, officers, sessions
from api.people.casework import Casework
from api.people.identity_provider import ProviderClient, Told
from api.people.officers import PROVIDER, SignedInOfficer
from api.people.roles import Role
from api.people.sign_in import SigningIn, Visitor
from api.platform.database.database import Database
from api.platform.database.tables import OfficerRow
from api.platform.errors import NameTakenError, ProviderRefusedError, WrongPasswordError
from api.platform.events import Broker, Event

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Provided:
    """The use cases around the identity provider."""

    client: ProviderClient
    database: Database
    broker: Broker
    clock: Callable[[], datetime]
    signing_in: SigningIn
    casework: Casework

    def ask(self) -> tuple[str, str]:
        """Where to send the browser, and what it must have with it when it comes back.

        Raises ProviderOffError.
        """
        question, browser = self.client.question(), secrets.token_urlsafe(32)
        with self.database.write(turn=False) as session:
            kept = identity_provider.as_text(question)
            challenges.keep(session, "provider", question.state, browser, kept, at=self.clock())
        return question.address, browser

    def sign_in(self, state: str, code: str, browser: str, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session for who came back. Raises ProviderRefusedError or ProviderOffError."""
        with self.database.write(turn=False) as session:
            kept = challenges.take(session, "provider", state, browser, at=self.clock())
        if kept is None:
            raise ProviderRefusedError
        told = self.client.told(code, *identity_provider.from_text(kept))
        # Two roles at once are a mistake of whoever keeps the groups: nobody guesses which is meant.
        if len(told.roles) != 1:
            log.warning("sign-in refused", roles=len(told.roles))
            self._shut_out(told)
            raise ProviderRefusedError
        try:
            return self.signing_in.begin(self._officer(told), "provider", visitor)
        except WrongPasswordError as error:
            raise ProviderRefusedError from error

    def _shut_out(self, told: Told) -> None:
        """Who has lost the role there is at work here no longer, in whichever browser."""
        external = _hashed(self.client.settings.issuer, told.subject)
        with self.database.write() as session:
            pseudonym = _known(session, external)
            if pseudonym is None:
                return
            now = self.clock()
            sessions.end_all(session, pseudonym, at=now, by=PROVIDER)
            released = self.casework.leave(session, pseudonym, at=now)
        self._tell(released)

    def _tell(self, released: Iterable[str]) -> None:
        self.broker.publish(Event("staff.changed", ""))
        for passage in released:
            self.broker.publish(Event("referral.changed", passage))

    def _officer(self, told: Told) -> str:
        """The officer's pseudonym: made at the first sign-in, with the role that the provider tells now."""
        external = _hashed(self.client.settings.issuer, told.subject)
        (role,) = told.roles
        released: list[str] = []
        with self.database.write() as session:
            pseudonym = _known(session, external)
            if pseudonym is None:
                return self._made(session, told, external, Role(role))
            if not officers.is_disabled(officers.one(session, pseudonym)):
                now = self.clock()
                officers.set_role(session, pseudonym, Role(role), at=now, by=PROVIDER)
                released = self.casework.release_others(session, officers.as_now(session, pseudonym), at=now)
        self._tell(released)
        return pseudonym

    def _made(self, session: Session, told: Told, external: str, role: Role) -> str:
        for name in (told.name, f"{told.name} {external[:8]}"):
            taken = session.scalar(select(OfficerRow.name).where(OfficerRow.name == name))
            if taken is None:
                made = officers.add_external(session, name, external, role, (), at=self.clock())
                log.info("officer.added", officer=made, by=PROVIDER)
                return made
        raise NameTakenError("officer")


def _known(session: Session, external_sha256: str) -> str | None:
    found = select(OfficerRow.pseudonym).where(OfficerRow.external_sha256 == external_sha256)
    return session.scalar(found)


def _hashed(issuer: str, subject: str) -> str:
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()
