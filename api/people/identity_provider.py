"""Signing in at the site's identity provider: OpenID Connect, code flow with PKCE and a nonce.

A request is bound to the browser that begins it, and is answered once. An officer has the role that the
provider's answer names; somebody without such a role is not signed in.
"""

import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.people import officers, sessions
from api.people.officers import PROVIDER, SignedInOfficer
from api.people.roles import Role
from api.people.sign_in import (
    Casework,
    SignIn,
    Visitor,
    keep_challenge,
    publish_staff_change,
    take_challenge,
)
from api.platform.database.database import Database
from api.platform.database.tables import OfficerRow
from api.platform.errors import NameTakenError, ProviderOffError, ProviderRefusedError, WrongPasswordError
from api.platform.events import Broker
from api.platform.settings import Provider

log = structlog.get_logger(__name__)

ALGORITHMS = ("RS256", "ES256")
_TIMEOUT_S = 5.0
_MOST_BYTES = 256 * 1024
_LEEWAY_S = 60
_REFETCH_KEYS_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """A person by the provider's answer; `roles`: the roles here that it gives."""

    subject: str
    name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """Where to send the browser, the `state` that it brings back, and what its code is checked by."""

    address: str
    state: str
    nonce: str
    verifier: str


class ProviderClient:
    """Talks to one provider. Its endpoints are fetched when they are first needed, and checked."""

    def __init__(self, settings: Provider, origin: str, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.returns_to = f"{origin}/sign-in/provider/return"
        self._clock = clock
        self._lock = threading.Lock()
        self._endpoints: dict[str, str] | None = None
        self._keys: KeySet | None = None
        self._keys_at: datetime | None = None

    def authentication_request(self) -> AuthenticationRequest:
        """A new request. Raises ProviderOffError where the provider is out of reach."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.returns_to,
            "scope": self.settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        authorize = self._fetched_endpoints()["authorization_endpoint"]
        joined = "&" if urlsplit(authorize).query else "?"
        return AuthenticationRequest(f"{authorize}{joined}{urlencode(query)}", state, nonce, verifier)

    def identify(self, code: str, nonce: str, verifier: str) -> ProviderIdentity:
        """Whose code this is. Raises ProviderRefusedError or ProviderOffError."""
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.returns_to,
            "code_verifier": verifier,
        }
        desk = (self.settings.client_id, self.settings.secret)
        answer = _ask("POST", self._fetched_endpoints()["token_endpoint"], data=sent, auth=desk)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefusedError
        try:
            claims = self._claims(token, nonce)
        except (JoseError, ValueError, TypeError) as error:
            log.warning("identity provider's word refused", error=type(error).__name__)
            raise ProviderRefusedError from error
        return self._identity(claims)

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        try:
            signed = jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
        except (InvalidKeyIdError, ValueError):
            # The provider may have new keys.
            signed = jwt.decode(token, self._key_set(again=True), algorithms=ALGORITHMS)
        options = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": self.settings.client_id},
            "sub": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }
        claims = CodeIDToken(
            signed.claims, signed.header, options, {"nonce": nonce, "client_id": self.settings.client_id}
        )
        claims.validate(now=int(self._clock().timestamp()), leeway=_LEEWAY_S)
        return dict(claims)

    def _identity(self, claims: Mapping[str, Any]) -> ProviderIdentity:
        subject, name = claims["sub"], claims.get(self.settings.name_claim)
        if not isinstance(subject, str) or not subject:
            raise ProviderRefusedError
        found = claims.get(self.settings.role_claim, [])
        values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        known = self.settings.roles
        roles = frozenset(Role(known[value]) for value in values if isinstance(value, str) and value in known)
        readable = name if isinstance(name, str) and name.strip().isprintable() else ""
        return ProviderIdentity(subject, readable.strip()[:48] or "officer", roles)

    def _fetched_endpoints(self) -> dict[str, str]:
        with self._lock:
            if self._endpoints is None:
                address = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
                description = _ask("GET", address)
                names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                found = {name: str(description.get(name)) for name in names}
                issuer = description.get("issuer")
                if issuer != self.settings.issuer or not all(map(_is_safe, found.values())):
                    raise ProviderOffError
                self._endpoints = found
            return self._endpoints

    def _key_set(self, *, again: bool = False) -> KeySet:
        uri = self._fetched_endpoints()["jwks_uri"]
        with self._lock:
            now = self._clock()
            old = self._keys_at is None or (now - self._keys_at).total_seconds() > _REFETCH_KEYS_AFTER_S
            if self._keys is None or (again and old):
                keys = KeySet.import_key_set(_signing_keys(_ask("GET", uri)))
                self._keys, self._keys_at = keys, now
            return self._keys


@dataclass(frozen=True, slots=True)
class ProviderSignIn:
    client: ProviderClient
    database: Database
    broker: Broker
    clock: Callable[[], datetime]
    signing_in: SignIn
    casework: Casework

    def ask(self) -> tuple[str, str]:
        """Where to send the browser, and what it must bring when it comes back. Raises ProviderOffError."""
        request, browser = self.client.authentication_request(), secrets.token_urlsafe(32)
        kept = json.dumps({"nonce": request.nonce, "verifier": request.verifier})
        with self.database.write(turn=False) as session:
            keep_challenge(session, "provider", request.state, browser, kept, at=self.clock())
        return request.address, browser

    def sign_in(self, state: str, code: str, browser: str, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session for who came back. Raises ProviderRefusedError or ProviderOffError."""
        with self.database.write(turn=False) as session:
            kept = take_challenge(session, "provider", state, browser, at=self.clock())
        if kept is None:
            raise ProviderRefusedError
        checks = json.loads(kept)
        identity = self.client.identify(code, checks["nonce"], checks["verifier"])
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
        publish_staff_change(self.broker, released)

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
        publish_staff_change(self.broker, released)
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


def _ask(method: str, address: str, **sent: Any) -> dict[str, Any]:
    """The JSON object that the provider answers with. A refused code is the browser's fault, or an attack."""
    try:
        with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            response = client.request(method, address, **sent)
    except httpx.HTTPError as error:
        log.error("identity provider out of reach", error=type(error).__name__)
        raise ProviderOffError from error
    if response.status_code in (400, 401, 403):
        raise ProviderRefusedError
    if response.status_code != 200 or len(response.content) > _MOST_BYTES:
        raise ProviderOffError
    try:
        answer = response.json()
    except ValueError as error:
        raise ProviderOffError from error
    if not isinstance(answer, dict):
        raise ProviderOffError
    return answer


def _signing_keys(answer: Mapping[str, Any]) -> Any:
    """The provider's keys for signatures by RSA or elliptic curves; the others are left out."""
    keys = [key for key in answer.get("keys", []) if isinstance(key, dict)]
    wanted = [key for key in keys if key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"]
    if not wanted:
        raise ProviderOffError
    return {"keys": wanted}


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    )
