"""Signing in at the site's identity provider: from the browser's question to a session."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api import oidc
from api.errors import NameTakenError, ProviderRefusedError, WrongPasswordError
from api.oidc import ProviderClient, Told
from api.store import challenges, officers, queue
from api.store.database import Database
from api.store.officers import PROVIDER, Role, SignedInOfficer
from api.store.tables import OfficerRow
from api.work.desk import Desk
from api.work.signing_in import SigningIn, Visitor

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Provided:
    """The use cases around the identity provider."""

    client: ProviderClient
    database: Database
    clock: Callable[[], datetime]
    signing_in: SigningIn

    @classmethod
    def of(cls, desk: Desk, client: ProviderClient) -> "Provided":
        """The running desk's."""
        return cls(client, desk.database, desk.clock, SigningIn.of(desk))

    def ask(self) -> tuple[str, str]:
        """Where to send the browser, and what it must have with it when it comes back.

        Raises ProviderOffError.
        """
        question, browser = self.client.question(), secrets.token_urlsafe(32)
        with self.database.write(turn=False) as session:
            kept = oidc.as_text(question)
            challenges.keep(session, "provider", question.state, browser, kept, at=self.clock())
        return question.address, browser

    def sign_in(self, state: str, code: str, browser: str, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session for who came back. Raises ProviderRefusedError or ProviderOffError."""
        with self.database.write(turn=False) as session:
            kept = challenges.take(session, "provider", state, browser, at=self.clock())
        if kept is None:
            raise ProviderRefusedError
        told = self.client.told(code, *oidc.from_text(kept))
        # Two roles at once are a mistake of whoever keeps the groups: nobody guesses which is meant.
        if len(told.roles) != 1:
            log.warning("sign-in refused", roles=len(told.roles))
            raise ProviderRefusedError
        try:
            return self.signing_in.begin(self._officer(told), "provider", visitor)
        except WrongPasswordError as error:
            raise ProviderRefusedError from error

    def _officer(self, told: Told) -> str:
        """The officer's pseudonym: made at the first sign-in, with the role that the provider tells now."""
        external = _hashed(self.client.settings.issuer, told.subject)
        (role,) = told.roles
        with self.database.write() as session:
            found = select(OfficerRow.pseudonym).where(OfficerRow.external_sha256 == external)
            pseudonym = session.scalar(found)
            if pseudonym is None:
                return self._made(session, told, external, Role(role))
            if not officers.is_disabled(officers.one(session, pseudonym)):
                now = self.clock()
                officers.set_role(session, pseudonym, Role(role), at=now, by=PROVIDER)
                queue.release_others(session, officers.as_now(session, pseudonym), at=now)
            return pseudonym

    def _made(self, session: Session, told: Told, external: str, role: Role) -> str:
        for name in (told.name, f"{told.name} {external[:8]}"):
            taken = session.scalar(select(OfficerRow.name).where(OfficerRow.name == name))
            if taken is None:
                made = officers.add_external(session, name, external, role, (), at=self.clock())
                log.info("officer.added", officer=made, by=PROVIDER)
                return made
        raise NameTakenError("officer")


def _hashed(issuer: str, subject: str) -> str:
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()
