"""Sealing images under data keys, and wrapping those keys. Nothing here is stored.

Each passage has a data key of its own; destroying it erases the passage's images wherever copies of their
ciphertext lie. Data keys are kept wrapped by one key-encryption key, which is never in the database.
"""

import base64
import binascii
import hashlib
import os
import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.platform.errors import ImageChangedError, KeyWrongError, SettingsError

KEY_BYTES = 32
_NONCE_BYTES = 12
_NEXT = ".next"


class KeyEncryption(Protocol):
    """The key-encryption key, wherever it is: a file, the environment, a key management service."""

    @property
    def identity(self) -> str:
        """Which key it is, in at most 128 characters; no secret. It is recorded beside what it wrapped."""
        ...

    def wrap(self, key: bytes, passage: str) -> bytes:
        """A data key so that only `unwrap` for the same passage gives it back. Raises KeyringError."""
        ...

    def unwrap(self, wrapped: bytes, passage: str) -> bytes:
        """Raises KeyWrongError where another key, or another passage's, is asked for; KeyringError."""
        ...


class KeySource(Protocol):
    """Where the key-encryption key comes from."""

    def current(self, identity: str | None) -> KeyEncryption:
        """The key of that identity; a first one where None is asked for. Raises SettingsError."""
        ...


class LocalKey:
    """A key-encryption key that this process holds: AES-256-GCM."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.identity = hashlib.sha256(b"passenger-lane key-encryption key" + secret).hexdigest()[:32]

    def wrap(self, key: bytes, passage: str) -> bytes:
        return _encrypt(self._secret, key, passage.encode())

    def unwrap(self, wrapped: bytes, passage: str) -> bytes:
        try:
            return _decrypt(self._secret, wrapped, passage.encode())
        except InvalidTag as error:
            raise KeyWrongError from error


class GivenKey:
    """A key-encryption key from the settings, which means from the environment. See `KeySource`."""

    def __init__(self, text: str) -> None:
        self._key = LocalKey(decoded(text))

    def current(self, identity: str | None) -> KeyEncryption:
        if identity not in (None, self._key.identity):
            raise _another(str(identity), self._key.identity)
        return self._key


class KeyFile:
    """A key-encryption key in a file that only its owner reads, made where there is none. See `KeySource`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._next = path.with_name(path.name + _NEXT)

    def current(self, identity: str | None) -> KeyEncryption:
        """See `KeySource.current`. Finishes a rotation that was interrupted after its keys were rewrapped."""
        found = [(path, _read(path)) for path in (self.path, self._next) if path.exists()]
        if identity is None:
            return found[0][1] if found else self._made(self.path)
        for path, key in found:
            if key.identity == identity:
                path.replace(self.path)
                _sync_folder_of(self.path)
                return key
        raise _another(identity, found[0][1].identity if found else f"none: {self.path} is missing")

    def next(self) -> KeyEncryption:
        """A new key beside the present one; `current` takes it once keys are wrapped by it.

        One that is there stays: another rotation may just have wrapped keys by it, and without it they could
        never be opened again.
        """
        return self._made(self._next)

    def _made(self, path: Path) -> LocalKey:
        secret = secrets.token_bytes(KEY_BYTES)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(base64.b64encode(secret) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            _sync_folder_of(path)
        except FileExistsError:
            return _read(path)  # another worker was first
        except OSError as error:
            raise SettingsError(f"the key-encryption key {path} cannot be made: {error.strerror}") from error
        return LocalKey(secret)


def _sync_folder_of(path: Path) -> None:
    """Sync the folder: the file's name must be on disk before its key wraps anything."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, passage: str, sha256: str, image: bytes) -> bytes:
    """An image that opens only under its passage's key, as the image of that passage and hash."""
    return _encrypt(key, image, _about(passage, sha256))


def unseal(key: bytes, passage: str, sha256: str, sealed: bytes) -> bytes:
    """The image. Raises ImageChangedError where any bit, the passage or the hash differs."""
    try:
        image = _decrypt(key, sealed, _about(passage, sha256))
    except InvalidTag as error:
        raise ImageChangedError from error
    if hashlib.sha256(image).hexdigest() != sha256:
        raise ImageChangedError
    return image


def decoded(text: str) -> bytes:
    """A key from its base64 text. Raises SettingsError, which repeats nothing of it."""
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise SettingsError("a key-encryption key is 32 bytes in base64: `openssl rand -base64 32` makes one")
    return secret


def _about(passage: str, sha256: str) -> bytes:
    # Neither part holds a slash, so no other pair gives the same bytes.
    return f"{passage}/{sha256}".encode()


def _encrypt(key: bytes, plain: bytes, about: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def _decrypt(key: bytes, sealed: bytes, about: bytes) -> bytes:
    if len(sealed) <= _NONCE_BYTES:
        raise InvalidTag
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)


def _read(path: Path) -> LocalKey:
    try:
        return LocalKey(decoded(path.read_text("ascii")))
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"the key-encryption key {path} cannot be read: {type(error).__name__}"
        ) from error


def _another(wanted: str, given: str) -> SettingsError:
    return SettingsError(
        f"the keyring's keys are wrapped by key {wanted}, the desk was given {given}: give it the right one, "
        "or, where that is lost for good, move the keyring away; the faces that it opened are then gone"
    )
