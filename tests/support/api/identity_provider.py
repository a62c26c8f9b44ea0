"""A small identity provider on localhost that speaks real HTTP: honest, unless a test says otherwise."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.support.http_service import HttpService, served

CLIENT, SECRET = "desk", "a secret of the desk"


@cache
def _key(kind: str, number: int) -> Any:
    """Made once for all tests: an RSA key takes long."""
    made: Any = {"kid": secrets.token_hex(4), "use": "sig"}
    return RSAKey.generate_key(2048, made) if kind == "RS256" else ECKey.generate_key("P-256", made)


@dataclass
class IdentityProvider:
    """What it says of whom, and which of the rules it breaks."""

    issuer: str
    who: dict[str, Any] = field(
        default_factory=lambda: {"sub": "u-1", "preferred_username": "li.na", "groups": ["border-officers"]}
    )
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    """Put over the honest ones; None takes one away."""
    described: dict[str, Any] = field(default_factory=dict)
    forge: Callable[[Mapping[str, Any]], str] | None = None
    """Makes a token of the claims in place of the honest one."""
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key_number: int = 0
    """Another number is another key."""

    def key(self) -> Any:
        return _key(self.algorithm, self.key_number)

    def description(self) -> dict[str, Any]:
        honest = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return honest | self.described

    def authorize(self, asked: Mapping[str, str]) -> str:
        """Nobody types anything here: whoever comes is `who`."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(asked)
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, sent: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(sent.get("code", ""), None)
        proof = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or asked["code_challenge"] != challenge or authorization != f"Basic {known}":
            return 400, {"error": "invalid_grant"}
        return 200, {"token_type": "Bearer", "access_token": "x", "id_token": self.id_token(asked["nonce"])}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        honest = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce}
        claims = {key: value for key, value in (honest | self.who | self.claims).items() if value is not None}
        if self.forge is not None:
            return self.forge(claims)
        key = self.key()
        return jwt.encode({"alg": self.algorithm, "kid": key.kid}, claims, key)


def unsigned(claims: Mapping[str, Any]) -> str:
    return f"{_parts({'alg': 'none', 'typ': 'JWT'}, claims)}."


def signed_with_what_all_know(claims: Mapping[str, Any], kid: str, known: bytes) -> str:
    """The public key as if it were a secret that both sides share."""
    parts = _parts({"alg": "HS256", "kid": kid}, claims)
    return f"{parts}.{_text(hmac.new(known, parts.encode(), hashlib.sha256).digest())}"


def _parts(*parts: Mapping[str, Any]) -> str:
    return ".".join(_text(json.dumps(dict(part)).encode()) for part in parts)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    provider = IdentityProvider("")

    class Answers(HttpService):
        def respond(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path == "/.well-known/openid-configuration":
                self.answer_json(200, provider.description())
            elif parts.path == "/keys":
                self.answer_json(200, {"keys": [provider.key().as_dict(private=False)]})
            elif parts.path == "/authorize":
                self.answer(303, Location=provider.authorize(dict(parse_qsl(parts.query))))
            elif parts.path == "/token":
                sent = dict(parse_qsl(self.body().decode()))
                self.answer_json(*provider.token(sent, self.headers.get("Authorization", "")))
            else:
                self.answer(404)

        def answer_json(self, status: int, content: Any) -> None:
            self.answer(status, json.dumps(content).encode(), **{"Content-Type": "application/json"})

    with served(Answers) as provider.issuer:
        yield provider
