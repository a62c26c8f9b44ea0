"""Signed tree heads: what the desk says of its whole ledger, so that it cannot say anything else later.

What is signed (Ed25519, RFC 8032) are these five lines, each ended by a line feed, in UTF-8:

    passenger-lane tree head 1
    desk                              which chain
    1234                              how many entries
    9f86d0…                           the root of the tree over them (RFC 6962), 64 hexadecimal digits
    2026-11-25T14:00:00.123456+00:00  when, in UTC

The private key lies in a file that only its owner can read. It is made at the first start and never shown.
"""

import contextlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from api.platform.errors import SettingsError

_FIRST_LINE = "passenger-lane tree head 1"
_SMALL_ORDER = frozenset(
    bytes.fromhex(low + between * ((64 - len(low + high)) // 2) + high)
    for low, between, high in (
        ("00", "00", "00"),
        ("01", "00", "00"),
        ("ec", "ff", "7f"),
        ("ed", "ff", "7f"),
        ("ee", "ff", "7f"),
        ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "", ""),
        ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "", ""),
    )
)
"""Keys under which one signature fits any message, without the sign: who announces one, signs nothing."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The root of the first `size` entries, signed. Hashes, key and signature are hexadecimal."""

    size: int
    root: str
    at: datetime
    key: str
    signature: str

    def is_genuine(self) -> bool:
        """Whether the key that it names has signed it."""
        if is_worthless(self.key):
            return False
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            public.verify(bytes.fromhex(self.signature), message(self.size, self.root, self.at))
        except (InvalidSignature, ValueError):
            return False
        return True

    def to_json(self) -> dict[str, object]:
        """As it goes over the wire and into files: `at` exactly as it was signed."""
        return {
            "size": self.size,
            "root": self.root,
            "at": _moment(self.at),
            "key": self.key,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The desk's key for tree heads."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The public key, in hexadecimal."""
        return self.private.public_key().public_bytes_raw().hex()

    def sign(self, size: int, root: bytes, at: datetime) -> TreeHead:
        signature = self.private.sign(message(size, root.hex(), at))
        return TreeHead(size, root.hex(), at, self.public, signature.hex())


def is_worthless(key: str) -> bool:
    """Whether everything that such a public key signs is deniable: see `_SMALL_ORDER`."""
    encoded = bytearray.fromhex(key)
    encoded[-1:] = bytes(last & 0x7F for last in encoded[-1:])
    return bytes(encoded) in _SMALL_ORDER


def message(size: int, root: str, at: datetime) -> bytes:
    return f"{_FIRST_LINE}\ndesk\n{size}\n{root}\n{_moment(at)}\n".encode()


def from_json(fields: dict[str, object]) -> TreeHead:
    """A head that came over the wire or out of a file. Raises ValueError where it is none."""
    size, at = fields.get("size"), datetime.fromisoformat(str(fields.get("at")))
    if type(size) is not int or size < 0 or at.tzinfo is None:
        raise ValueError("a tree head has a size and an aware time")
    try:
        _moment(at)
    except OverflowError as error:
        raise ValueError("a tree head has a time that is one in UTC, too") from error
    root, key, signature = (str(fields.get(name)) for name in ("root", "key", "signature"))
    if not re.fullmatch("[0-9a-f]{64} [0-9a-f]{64} [0-9a-f]{128}", f"{root} {key} {signature}"):
        raise ValueError("root, key and signature of a tree head are hexadecimal")
    return TreeHead(size, root, at, key, signature)


def key_at(path: Path) -> SigningKey:
    """The key in this file, which is made where there is none. Raises SettingsError."""
    try:
        if not path.exists():
            _make(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SettingsError(f"{path}: others can read the key that signs the ledger; chmod 600 it")
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{path}: no key to sign the ledger with ({type(error).__name__})") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SettingsError(f"{path}: the ledger is signed with an Ed25519 key, this is another kind")
    return SigningKey(private)


def _make(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        # A whole file or none; where another worker was first, its key is the desk's.
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
