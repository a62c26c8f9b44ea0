"""A key-encryption key that never leaves its service: an example of `api.faces.sealing.KeyEncryption`.

It speaks the transit interface of OpenBao and HashiCorp Vault, with a key of a type that takes associated
data, such as `aes256-gcm96`. Another service needs a class with the same members, and its line in
`api.faces.keyring`. The desk's token needs `update` on `transit/encrypt/KEY` and `transit/decrypt/KEY`, and
nothing else.
"""

import base64
import binascii
from typing import Any

import httpx

from api.faces.sealing import KeyEncryption
from api.platform.errors import KeyringError, KeyWrongError, SettingsError

_ANSWER_S = 2.0
"""A request waits for it."""


class TransitKey:
    """See `api.faces.sealing.KeyEncryption` and `KeySource`. `keys rotate` takes its newest version."""

    def __init__(self, address: str, key: str, token: str) -> None:
        self.identity = f"transit:{key}"
        self._key = key
        self._client = httpx.Client(
            base_url=f"{address.rstrip('/')}/v1/transit",
            headers={"X-Vault-Token": token},
            timeout=_ANSWER_S,
            follow_redirects=False,
            trust_env=False,  # a proxy from the environment would see keys
        )

    def current(self, identity: str | None) -> KeyEncryption:
        if identity not in (None, self.identity):
            raise SettingsError(
                f"the keyring's keys are wrapped by key {identity}, the desk was given {self.identity}: "
                "with the former in the settings, `keys rotate` cannot move them here; give it back"
            )
        return self

    def wrap(self, key: bytes, passage: str) -> bytes:
        answer = self._ask("encrypt", plaintext=_text(key), associated_data=_text(passage.encode()))
        return _member(answer, "ciphertext").encode()

    def unwrap(self, wrapped: bytes, passage: str) -> bytes:
        try:
            ciphertext = wrapped.decode("ascii")
            answer = self._ask("decrypt", ciphertext=ciphertext, associated_data=_text(passage.encode()))
            return base64.b64decode(_member(answer, "plaintext"), validate=True)
        except (UnicodeError, binascii.Error) as error:
            raise KeyWrongError from error

    def _ask(self, what: str, **body: str) -> dict[str, Any]:
        try:
            answer = self._client.post(f"/{what}/{self._key}", json=body)
            if answer.status_code == httpx.codes.BAD_REQUEST and what == "decrypt":
                raise KeyWrongError
            answer.raise_for_status()
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise KeyringError from error
        return content if isinstance(content, dict) else {}


def _member(answer: dict[str, Any], name: str) -> str:
    data = answer.get("data")
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, str):
        raise KeyringError("the key management service's answer is not understood")
    return found


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
