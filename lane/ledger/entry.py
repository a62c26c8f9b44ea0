"""What an entry of the ledger holds: one fact, its place in the chain, and the hash of exactly these bytes.

An entry is its payload, the canonical JSON of chain, seq, at, kind, body and the previous entry's hash, and
the SHA-256 of that payload. What was hashed is what is stored and what is sent.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lane.platform.errors import LedgerBrokenError

_TYPES = {"at": str, "body": dict, "chain": str, "kind": str, "previous": str, "seq": int}
"""The fields of an entry, in canonical order."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact that has no place in the chain yet."""

    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture for the officer, named by its content."""

    sha256: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many entries there are, and the hash of the last."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


GENESIS = Head(0, "0" * 64)


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact of one chain. Build it with `follow` or `read`, which keep payload and fields together."""

    chain: str
    seq: int
    at: datetime
    kind: str
    body: Mapping[str, Any]
    previous: str
    payload: str
    hash: str

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)


def follow(head: Head, *, chain: str, at: datetime, kind: str, body: Mapping[str, Any]) -> Entry:
    """The entry after `head`. `at` is aware; `body` is plain JSON without NaN (else ValueError)."""
    if at.tzinfo is None:
        raise ValueError("a ledger entry needs an aware time")
    seq, previous = head.seq + 1, head.hash
    payload = canonical(
        {"at": at.isoformat(), "body": body, "chain": chain, "kind": kind, "previous": previous, "seq": seq}
    )
    return Entry(chain, seq, at, kind, body, previous, payload, _sha256(payload))


def read(payload: str, hash_: str) -> Entry:
    """A stored or received entry. Raises LedgerBrokenError where payload and hash do not belong together."""
    check_hash(payload, hash_)
    try:
        fields = json.loads(payload)
        if sorted(fields) != list(_TYPES) or canonical(fields) != payload:
            raise ValueError("not canonical")
        if any(type(fields[name]) is not kind for name, kind in _TYPES.items()):
            raise ValueError("wrong types")
        at = datetime.fromisoformat(fields["at"])
        if at.tzinfo is None:
            raise ValueError("no time zone")
    except (ValueError, TypeError, RecursionError) as error:
        raise LedgerBrokenError("an entry is not in the form of a ledger entry") from error
    return Entry(**(fields | {"at": at}), payload=payload, hash=hash_)


def canonical(value: Any) -> str:
    """JSON with sorted keys, no white space, no NaN: the same value always gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def check_hash(payload: str, hash_: str) -> None:
    """Raises LedgerBrokenError where the hash is not the payload's."""
    if _sha256(payload) != hash_:
        raise LedgerBrokenError("an entry was changed: its hash is not that of its content")


def _sha256(payload: str) -> str:
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()
