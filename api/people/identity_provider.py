"""The site's identity provider: sign in there, and be an officer here with the role that it tells.

OpenID Connect, code flow with PKCE and a nonce. The question is bound to the browser that asks, and is
answered once. Whoever the provider knows and no role is set for gets nothing.
"""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from api.platform.errors import ProviderOffError, ProviderRefusedError
from api.platform.settings import Provider

log = structlog.get_logger(__name__)

ALGORITHMS = ("RS256", "ES256")
_PATIENCE_S = 5.0
_MOST_BYTES = 256 * 1024
_LEEWAY_S = 60
_KEYS_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Question:
    """What the browser is sent to the provider with, and what must be known when it comes back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Told:
    """Who somebody is, by the provider's word."""

    subject: str
    name: str
    roles: frozenset[str]


class Web(Protocol):
    """How the provider is reached."""

    def get(self, url: str) -> httpx.Response:
        """One answer."""
        ...

    def post(self, url: str, *, data: Mapping[str, str], auth: tuple[str, str]) -> httpx.Response:
        """One answer."""
        ...


class ProviderClient:
    """Talks to one provider. Its description is fetched when it is first needed, and checked."""

    def __init__(self, settings: Provider, origin: str, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.returns_to = f"{origin}/sign-in/provider/return"
        self._clock = clock
        self._lock = threading.Lock()
        self._described: dict[str, str] | None = None
        self._keys: KeySet | None = None
        self._keys_at: datetime | None = None

    def question(self) -> Question:
        """Where to send the browser. Raises ProviderOffError where the provider is out of reach."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.returns_to,
            "scope": self.settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        authorize = self._description()["authorization_endpoint"]
        joined = "&" if urlsplit(authorize).query else "?"
        return Question(f"{authorize}{joined}{urlencode(asked)}", state, nonce, verifier)

    def told(self, code: str, nonce: str, verifier: str) -> Told:
        """Who it is that came back with this code. Raises ProviderRefusedError or ProviderOffError."""
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.returns_to,
            "code_verifier": verifier,
        }
        answer = _read(self._post(self._description()["token_endpoint"], sent))
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefusedError
        try:
            claims = self._claims(token, nonce)
        except (JoseError, ValueError, TypeError) as error:
            log.warning("identity provider's word refused", error=type(error).__name__)
            raise ProviderRefusedError from error
        return self._person(claims)

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

    def _person(self, claims: Mapping[str, Any]) -> Told:
        subject, name = claims["sub"], claims.get(self.settings.name_claim)
        if not isinstance(subject, str) or not subject:
            raise ProviderRefusedError
        found = claims.get(self.settings.role_claim, [])
        values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        known = self.settings.roles
        roles = frozenset(known[value] for value in values if isinstance(value, str) and value in known)
        readable = name if isinstance(name, str) and name.strip().isprintable() else ""
        return Told(subject, readable.strip()[:48] or "officer", roles)

    def _description(self) -> dict[str, str]:
        with self._lock:
            if self._described is None:
                self._described = self._checked(_read(self._get(_well_known(self.settings.issuer))))
            return self._described

    def _checked(self, told: Mapping[str, Any]) -> dict[str, str]:
        """The provider is who the settings say, and speaks as safely as they ask."""
        if told.get("issuer") != self.settings.issuer:
            raise ProviderOffError
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        found = {name: told.get(name) for name in names}
        for address in found.values():
            if not isinstance(address, str) or not _is_safe(address):
                raise ProviderOffError
        return {name: str(address) for name, address in found.items()}

    def _key_set(self, *, again: bool = False) -> KeySet:
        uri = self._description()["jwks_uri"]
        with self._lock:
            now = self._clock()
            old = self._keys_at is None or (now - self._keys_at).total_seconds() > _KEYS_AGAIN_S
            if self._keys is None or (again and old):
                told = _read(self._get(uri))
                self._keys, self._keys_at = KeySet.import_key_set(_signing(told)), now
            return self._keys

    def _get(self, url: str) -> httpx.Response:
        return _reached(lambda web: web.get(url))

    def _post(self, url: str, sent: Mapping[str, str]) -> httpx.Response:
        auth = (self.settings.client_id, self.settings.secret)
        return _reached(lambda web: web.post(url, data=sent, auth=auth))


def _reached(ask: Callable[[Web], httpx.Response]) -> httpx.Response:
    try:
        with httpx.Client(timeout=_PATIENCE_S, follow_redirects=False, trust_env=False) as web:
            return ask(web)
    except httpx.HTTPError as error:
        log.error("identity provider out of reach", error=type(error).__name__)
        raise ProviderOffError from error


def _read(answer: httpx.Response) -> dict[str, Any]:
    """What it says. A refusal of the code is the browser's fault, or an attack."""
    if answer.status_code in (400, 401, 403):
        raise ProviderRefusedError
    if answer.status_code != 200 or len(answer.content) > _MOST_BYTES:
        raise ProviderOffError
    try:
        told = answer.json()
    except ValueError as error:
        raise ProviderOffError from error
    if not isinstance(told, dict):
        raise ProviderOffError
    return told


def _signing(told: Mapping[str, Any]) -> Any:
    """Its keys for signatures of the two kinds that are taken; the others are left out."""
    keys = [key for key in told.get("keys", []) if isinstance(key, dict)]
    wanted = [key for key in keys if key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"]
    if not wanted:
        raise ProviderOffError
    return {"keys": wanted}


def _well_known(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    )


def as_text(question: Question) -> str:
    """What is kept until the browser comes back."""
    return json.dumps({"nonce": question.nonce, "verifier": question.verifier})


def from_text(kept: str) -> tuple[str, str]:
    """Nonce and verifier."""
    read = json.loads(kept)
    return str(read["nonce"]), str(read["verifier"])
