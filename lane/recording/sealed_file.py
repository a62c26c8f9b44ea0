"""A file that is encrypted as it grows (AES-256-GCM): whatever is cut, changed or reordered is found.

Each chunk has its number, and whether it is the last, in its nonce; each file has a key of its own, derived
from the one that is given and from a random salt.
"""

import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lane.platform.errors import RecordingError

MAGIC = b"passenger-lane recording 1\n"
SUFFIX = ".recording"
KEY_BYTES = 32
MOST_CHUNK = 1 << 28
_SALT, _LENGTH, _TAG = 32, struct.Struct(">I"), 16


class SealedWriter:
    """A new file, for its owner alone, under its name only once it is whole. Raises OSError."""

    def __init__(self, path: Path, key: bytes, most_bytes: int) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        self._most, self.size, self._number = most_bytes, 0, 0
        self._sum = hashlib.sha256()
        salt = os.urandom(_SALT)
        self._cipher = _cipher(key, salt)
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._put(MAGIC + salt)

    def write(self, chunk: bytes) -> None:
        """Raises RecordingError where the file would get too large."""
        self._seal(chunk, last=False)

    def finish(self) -> str:
        """Nothing more comes: the file's SHA-256, once it lies on the disk under its name."""
        self._seal(b"", last=True)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._path)
        return self._sum.hexdigest()

    def abandon(self) -> None:
        """Leave nothing. Twice is no error."""
        self._file.close()
        self._part.unlink(missing_ok=True)

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        if self.size + len(chunk) + _LENGTH.size + _TAG > self._most:
            raise RecordingError(f"a recording may have {self._most} bytes, and this one has more")
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), chunk, None)
        self._number += 1
        self._put(_LENGTH.pack(len(sealed)) + sealed)

    def _put(self, content: bytes) -> None:
        self._file.write(content)
        self._sum.update(content)
        self.size += len(content)


def read_sealed(path: Path, key: bytes) -> Iterator[bytes]:
    """The chunks. Raises RecordingError at what is no recording, of another key, cut, or changed."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RecordingError(f"{path} is no recording of a lane")
            cipher, number, last = _cipher(key, file.read(_SALT)), 0, False
            while not last:
                sealed = _next(file.read, path)
                chunk, last = _decrypt(cipher, sealed, number, path)
                number += 1
                if not last:
                    yield chunk
            if file.read(1):
                raise RecordingError(f"{path}: something was added to it")
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error


def _next(read: Callable[[int], bytes], path: Path) -> bytes:
    head = read(_LENGTH.size)
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    if not _TAG <= length <= MOST_CHUNK:
        raise RecordingError(f"{path} is cut or changed")
    sealed = read(length)
    if len(sealed) != length:
        raise RecordingError(f"{path} is cut")
    return sealed


def _decrypt(cipher: AESGCM, sealed: bytes, number: int, path: Path) -> tuple[bytes, bool]:
    for last in (False, True) if len(sealed) > _TAG else (True, False):
        try:
            return cipher.decrypt(_nonce(number, last=last), sealed, None), last
        except InvalidTag:
            continue
    raise RecordingError(f"{path}: made with another key, or changed")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    if len(key) != KEY_BYTES or len(salt) != _SALT:
        raise RecordingError(f"a recording's key has {KEY_BYTES} bytes, its salt {_SALT}")
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, MAGIC).derive(key))
