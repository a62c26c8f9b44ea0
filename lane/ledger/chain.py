"""Append-only facts in a hash chain: what is changed, missing, moved or cut off is found.

An entry is its payload, the canonical JSON of chain, seq, at, kind, body and the previous entry's hash,
and the SHA-256 of exactly those bytes. What was hashed is what is stored and what is sent.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from lane.platform.errors import LedgerBrokenError

_TYPES = {"at": str, "body": dict, "chain": str, "kind": str, "previous": str, "seq": int}
_FIELDS = tuple(_TYPES)


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
        """The head of the chain after this entry."""
        return Head(self.seq, self.hash)


def follow(head: Head, *, chain: str, at: datetime, kind: str, body: Mapping[str, Any]) -> Entry:
    """The entry after `head`. `at` is aware; `body` is plain JSON without NaN (else ValueError)."""
    if at.tzinfo is None:
        raise ValueError("a ledger entry needs an aware time")
    fields = {
        "at": at.isoformat(),
        "body": body,
        "chain": chain,
        "kind": kind,
        "previous": head.hash,
        "seq": head.seq + 1,
    }
    payload = canonical(fields)
    return Entry(chain, head.seq + 1, at, kind, body, head.hash, payload, _sha256(payload))


def read(payload: str, hash_: str) -> Entry:
    """A stored or received entry. Raises LedgerBrokenError where payload and hash do not belong together."""
    if _sha256(payload) != hash_:
        raise LedgerBrokenError("an entry was changed: its hash is not that of its content")
    try:
        fields = json.loads(payload)
        if tuple(sorted(fields)) != _FIELDS or canonical(fields) != payload:
            raise ValueError("not canonical")
        if any(type(fields[name]) is not kind for name, kind in _TYPES.items()):
            raise ValueError("wrong types")
        at = datetime.fromisoformat(fields["at"])
        if at.tzinfo is None:
            raise ValueError("no time zone")
    except (ValueError, TypeError, RecursionError) as error:
        raise LedgerBrokenError("an entry is not in the form of a ledger entry") from error
    return Entry(**(fields | {"at": at}), payload=payload, hash=hash_)


def check_follows(head: Head, entry: Entry, *, chain: str) -> Head:
    """The new head, or LedgerBrokenError that names the place where the chain breaks."""
    if entry.chain != chain:
        raise LedgerBrokenError(f"entry {entry.seq} belongs to chain {entry.chain}, not to {chain}")
    if entry.seq != head.seq + 1:
        raise LedgerBrokenError(f"after entry {head.seq} comes {entry.seq}: an entry is missing or moved")
    if entry.previous != head.hash:
        raise LedgerBrokenError(
            f"entry {entry.seq} does not follow entry {head.seq}: one of them was replaced"
        )
    return entry.head


def check_bytes(head: Head, payload: str, hash_: str) -> Head:
    """Check hash and chain alone, on the bytes: a payload ends with what it follows. Ten times as fast.

    The last hash then still fixes every byte of every entry before it; what they say is not looked at.
    """
    if _sha256(payload) != hash_:
        raise LedgerBrokenError("an entry was changed: its hash is not that of its content")
    # In canonical JSON these two keys come last, so this is no part of a body.
    if not payload.endswith(f',"previous":"{head.hash}","seq":{head.seq + 1}}}'):
        raise LedgerBrokenError("an entry is missing, was moved or replaced: it does not follow")
    return Head(head.seq + 1, hash_)


def check_whole(head: Head, payload: str, hash_: str, *, chain: str) -> Head:
    """Read an entry, and check that it follows."""
    return check_follows(head, read(payload, hash_), chain=chain)


def verify(
    stored: Iterable[tuple[str, str]],
    *,
    chain: str,
    witnessed: Iterable[Head] = (),
    whole: bool = True,
) -> Head:
    """Walk (payload, hash) pairs in stored order and return the head; not `whole`: see `check_bytes`.

    `witnessed` are heads that somebody kept elsewhere: each must be found on the way, so that a chain
    which was cut off or rewritten as a whole is found too. Raises LedgerBrokenError at the first fault.
    """
    due: dict[int, set[str]] = {}
    for witness in witnessed:
        due.setdefault(witness.seq, set()).add(witness.hash)
    due.pop(0, None)  # the beginning needs no witness
    head = GENESIS
    check = partial(check_whole, chain=chain) if whole else check_bytes
    for payload, hash_ in stored:
        try:
            head = check(head, payload, hash_)
        except LedgerBrokenError as error:
            raise LedgerBrokenError(f"chain {chain}, after entry {head.seq}: {error}") from error
        if due.pop(head.seq, {head.hash}) != {head.hash}:
            raise LedgerBrokenError(f"chain {chain}: entry {head.seq} is not the one that was witnessed")
    if due:
        raise LedgerBrokenError(
            f"chain {chain} is cut off: it ends at {head.seq}, witnessed up to {max(due)}"
        )
    return head


def canonical(value: Any) -> str:
    """JSON with sorted keys, no white space, no NaN: the same value always gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _sha256(payload: str) -> str:
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()
