"""Signing in at the site's identity provider: from the browser's request to a session."""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.people import challenges, officers, sessions
from api.people.casework import Casework
from api.people.identity_provider import ProviderClient, ProviderIdentity
from api.people.officers import PROVIDER, SignedInOfficer
from api.people.roles import Role
from api.people.sign_in import SignIn, Visitor
from api.platform.database.database import Database
from api.platform.database.tables import OfficerRow
from api.platform.errors import NameTakenError, ProviderRefusedError, WrongPasswordError
from api.platform.events import Broker, Event

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProviderSignIn:
    client: ProviderClient
    database: Database
    broker: Broker
    clock: Callable[[], datetime]
    signing_in: SignIn
    casework: Casework

    def ask(self) -> tuple[str, str]:
        """Where to send the browser, and what it must have with it when it comes back.

        Raises ProviderOffError.
        """
        request, browser = self.client.authentication_request(), secrets.token_urlsafe(32)
        with self.database.write(turn=False) as session:
            kept = json.dumps({"nonce": request.nonce, "verifier": request.verifier})
            challenges.keep(session, "provider", request.state, browser, kept, at=self.clock())
        return request.address, browser

    def sign_in(self, state: str, code: str, browser: str, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session for who came back. Raises ProviderRefusedError or ProviderOffError."""
        with self.database.write(turn=False) as session:
            kept = challenges.take(session, "provider", state, browser, at=self.clock())
        if kept is None:
            raise ProviderRefusedError
        identity = self.client.identify(code, **json.loads(kept))
        # Two roles at once are a mistake in the provider's groups: the desk does not choose one.
        if len(identity.roles) != 1:
            log.warning("sign-in refused", roles=len(identity.roles))
            self._sign_out_everywhere(identity)
            raise ProviderRefusedError
        try:
            return self.signing_in.begin(self._officer(identity), "provider", visitor)
        except WrongPasswordError as error:
            raise ProviderRefusedError from error

    def _sign_out_everywhere(self, identity: ProviderIdentity) -> None:
        """Sign out, everywhere, an officer who no longer has one role at the provider."""
        external = _identity_hash(self.client.settings.issuer, identity.subject)
        with self.database.write() as session:
            pseudonym = _pseudonym_of(session, external)
            if pseudonym is None:
                return
            now = self.clock()
            sessions.end_all(session, pseudonym, at=now, by=PROVIDER)
            released = self.casework.leave(session, pseudonym, at=now)
        self._publish(released)

    def _publish(self, released: Iterable[str]) -> None:
        self.broker.publish(Event("staff.changed", ""))
        for passage in released:
            self.broker.publish(Event("referral.changed", passage))

    def _officer(self, identity: ProviderIdentity) -> str:
        """The officer's pseudonym; registered at the first sign-in, and given the provider's present role."""
        external = _identity_hash(self.client.settings.issuer, identity.subject)
        (role,) = identity.roles
        released: list[str] = []
        with self.database.write() as session:
            pseudonym = _pseudonym_of(session, external)
            if pseudonym is None:
                return self._register(session, identity, external, role)
            if not officers.is_disabled(officers.one(session, pseudonym)):
                now = self.clock()
                officers.set_role(session, pseudonym, role, at=now, by=PROVIDER)
                released = self.casework.release_others(session, officers.as_now(session, pseudonym), at=now)
        self._publish(released)
        return pseudonym

    def _register(self, session: Session, identity: ProviderIdentity, external: str, role: Role) -> str:
        for name in (identity.name, f"{identity.name} {external[:8]}"):
            taken = session.scalar(select(OfficerRow.name).where(OfficerRow.name == name))
            if taken is None:
                made = officers.add_external(session, name, external, role, at=self.clock())
                log.info("officer.added", officer=made, by=PROVIDER)
                return made
        raise NameTakenError("officer")


def _pseudonym_of(session: Session, external_sha256: str) -> str | None:
    found = select(OfficerRow.pseudonym).where(OfficerRow.external_sha256 == external_sha256)
    return session.scalar(found)


def _identity_hash(issuer: str, subject: str) -> str:
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()
