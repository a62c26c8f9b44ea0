#!/usr/bin/env python3
"""Checks an export or a proof of a Passenger Lane ledger. One file, Python 3.11 or newer, nothing else.

    python verifier.py FILE [--head HEADS] [--key HEX] [--json]

Copy it, read it, keep it: it asks no desk and trusts none. What it relies on: SHA-256, Ed25519, and what you
give it. With a head that you, or somebody you trust, kept elsewhere (`--head`: a file with one JSON object
a line, as the witness keeps them), it finds entries that were taken away at the end, and a ledger that was
made anew as a whole. With the desk's public key (`--key`), it knows whose ledger it is.

Exit status 0: it holds. 1: something was changed, or nothing is proven. 2: the file cannot be read.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

FILE = "passenger-lane ledger"
VERSION = 1
MOST_SIGNATURES = 200
"""In a long export, only so many newest signatures are checked, but the roots of all heads."""

LONGEST_LINE = 1 << 24
"""In characters: a file that somebody made to fill the memory is refused."""

Fields = dict[str, Any]


class Wrong(Exception):  # noqa: N818 - it is a finding, and no error of the program
    """Something does not hold."""


class Unreadable(Exception):  # noqa: N818 - the same
    """This is no such file."""


# --- Ed25519, RFC 8032, section 5.1: to verify, so nothing here is secret and nothing has to be constant-time

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]
"""Extended coordinates: X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z."""
NEUTRAL: Point = (0, 1, 1, 0)


def verify_signature(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this key signed this message."""
    if len(key) != 32 or len(signature) != 64:
        return False
    point, scalar = _decoded(key), int.from_bytes(signature[32:], "little")
    if point is None or scalar >= L or _is_of_small_order(point):
        return False
    challenge = hashlib.sha512(signature[:32] + key + message).digest()
    x, y, z, t = _times(point, int.from_bytes(challenge, "little") % L)
    found = _add(_times(BASE, scalar), (P - x, y, z, P - t))
    return _encoded(found) == signature[:32]


def _decoded(encoded: bytes) -> Point | None:
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _is_of_small_order(point: Point) -> bool:
    """Under such a key one signature fits any message: who announced it has signed nothing."""
    x, y, z, _ = _times(point, 8)
    return x == 0 and y == z


def _encoded(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(point: Point, scalar: int) -> Point:
    found = NEUTRAL
    while scalar:
        if scalar & 1:
            found = _add(found, point)
        point = _add(point, point)
        scalar >>= 1
    return found


BASE = _decoded((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or NEUTRAL


# --- the tree, RFC 9162, section 2.1

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The leaf of an entry, by the entry's hash."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Two subtrees side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Growing:
    """A tree that grows leaf by leaf."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Put a leaf at the end."""
        self.size += 1
        size = self.size
        while not size & 1:
            leaf, size = node_hash(self.peaks.pop(), leaf), size >> 1
        self.peaks.append(leaf)

    def root(self) -> bytes:
        """The root of all leaves so far."""
        if not self.peaks:
            return EMPTY
        *rest, found = self.peaks
        for peak in reversed(rest):
            found = node_hash(peak, found)
        return found


def includes(root: bytes, size: int, index: int, leaf: bytes, path: list[bytes]) -> bool:
    """Whether the path leads from this leaf, at this place, to this root (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def extends(first: int, first_root: bytes, second: int, second_root: bytes, path: list[bytes]) -> bool:
    """Whether the larger tree begins with the smaller one (2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        return not path and first_root == (second_root if first else EMPTY)
    path = path if first & (first - 1) else [first_root, *path]
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not path:
        return False
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and (old, new) == (first_root, second_root)


# --- heads

WRITTEN = {
    "root": re.compile("[0-9a-f]{64}"),
    "at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?\+00:00"),
    "key": re.compile("[0-9a-f]{64}"),
    "signature": re.compile("[0-9a-f]{128}"),
}
"""One value has one spelling, so that one signature is under one head."""


def signed_bytes(head: Fields) -> bytes:
    """The five lines that the desk signs."""
    return f"passenger-lane tree head 1\ndesk\n{head['size']}\n{head['root']}\n{head['at']}\n".encode()


def is_genuine(head: Fields) -> bool:
    """Whether the key that a head names has signed it."""
    return verify_signature(_bytes(head["key"]), signed_bytes(head), bytes.fromhex(head["signature"]))


def as_head(fields: Fields) -> Fields:
    """A head from its JSON object. Raises Unreadable where it is none."""
    texts = ("root", "at", "key", "signature")
    if type(fields.get("size")) is not int or any(type(fields.get(name)) is not str for name in texts):
        raise Unreadable("a signed head has a size, a root, a time, a key and a signature")
    if fields["size"] < 0 or not all(WRITTEN[name].fullmatch(fields[name]) for name in texts):
        raise Unreadable("size, root, time, key or signature of a head is not written as a desk writes it")
    return {name: fields[name] for name in ("size", *texts)}


# --- files


def lines(path: str) -> Iterator[Fields]:
    """Each JSON object of a file."""
    try:
        with open(path, encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - nothing but builtins
            while line := file.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE:
                    raise Unreadable(f"{path}: a line is longer than any that a desk writes")
                found = json.loads(line, object_pairs_hook=_once)
                if not isinstance(found, dict):
                    raise Unreadable(f"{path}: a line is no JSON object")
                yield found
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> Fields:
    """An object whose names are all different: no two readers may see two things in one line."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def as_entry(payload: str) -> Fields:
    """The fields of an entry, which must be in canonical form. Raises Wrong."""
    found: Fields = json.loads(payload)
    types = {"at": str, "body": dict, "chain": str, "kind": str, "previous": str, "seq": int}
    again = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if again != payload or {name: type(value) for name, value in found.items()} != types:
        raise Wrong("an entry is not in the form in which a desk writes it")
    if found["chain"] != "desk" or found["seq"] < 1:
        raise Wrong(f"an entry is of the chain {found['chain']}, number {found['seq']}: not of a desk's")
    return found


class Check:
    """Checks one file, line by line."""

    def __init__(self, witnessed: list[Fields], keys: list[str]) -> None:
        self.witnessed, self.keys = witnessed, keys
        self.growing = Growing()
        self.heads: list[Fields] = []
        self.roots: dict[int, bytes] = {}
        self.announced: dict[str, int] = {}
        self.entries: dict[int, Fields] = {}
        """Only of a proof: entries of an export are checked as they are read."""
        self.previous = "0" * 64
        self.stated = -1
        """How many entries the last line states."""
        self.inclusions: list[Fields] = []
        self.consistencies: list[Fields] = []
        self.proven: list[str] = []
        self.not_proven: list[str] = []

    def run(self, path: str) -> None:
        """Check everything. Raises Wrong or Unreadable."""
        found = lines(path)
        first = next(found, {})
        if (first.get("file"), first.get("version")) != (FILE, VERSION):
            raise Unreadable(f"{path}: this is no export and no proof that this verifier knows")
        whole = first.get("holds") == "export"
        sizes = {head["size"] for head in self.witnessed} | set(first.get("heads", ()))
        ended = False
        for line in found:
            if ended:
                raise Wrong("something was put behind the end of the file")
            ended = self._take(line, whole=whole, sizes=sizes)
        if not ended:
            raise Wrong("the file is cut off: its last line is missing")
        if self.stated != (self.growing.size if whole else len(self.entries)):
            raise Wrong(f"the file holds another number of entries than it says: {self.stated}")
        self._check_witnessed()
        if whole:
            self._finish_export()
        else:
            self._finish_proof()

    def _check_witnessed(self) -> None:
        roots: dict[int, str] = {}
        for head in self.witnessed:
            if not is_genuine(head):
                raise Wrong(f"the head of {head['size']} entries that you gave is signed by nobody")
            if roots.setdefault(head["size"], head["root"]) != head["root"]:
                raise Wrong(f"two heads of {head['size']} entries that you gave contradict each other")

    def _take(self, line: Fields, *, whole: bool, sizes: set[int]) -> bool:
        if len(line) != 1:
            raise Wrong("a line holds more than one thing")
        if "entry" in line:
            self._entry(line["entry"], whole=whole)
            if whole and self.growing.size in sizes:
                self.roots[self.growing.size] = self.growing.root()
        elif "head" in line:
            self.heads.append(as_head(line["head"]))
        elif "inclusion" in line:
            self.inclusions.append(line["inclusion"])
        elif "consistency" in line:
            self.consistencies.append(line["consistency"])
        elif "end" in line:
            self.stated = line["end"]["entries"]
        else:
            raise Wrong("the file holds a line that no desk writes")
        return "end" in line

    def _entry(self, entry: Fields, *, whole: bool) -> None:
        payload, hash_ = entry["payload"], entry["hash"]
        found = hashlib.sha256(payload.encode("utf-8", "surrogatepass"))
        number = self.growing.size + 1 if whole else as_entry(payload)["seq"]
        if found.hexdigest() != hash_:
            raise Wrong(f"entry {number} was changed: its hash is not that of its content")
        if whole:
            # Canonical JSON has these two keys last: every hash fixes every byte of all entries before it.
            if not payload.endswith(f',"previous":"{self.previous}","seq":{number}}}'):
                raise Wrong(f"entry {number} does not follow: one is missing, moved or replaced")
            self.previous = hash_
            self.growing.add(leaf_hash(found.digest()))
        else:
            if number in self.entries:
                raise Wrong(f"entry {number} is in the file twice")
            self.entries[number] = {"payload": payload, "hash": hash_, "leaf": leaf_hash(found.digest())}
        if '"kind":"ledger.key"' in payload:
            self._announced(as_entry(payload), number)

    def _announced(self, entry: Fields, number: int) -> None:
        if entry["kind"] == "ledger.key":
            self.announced.setdefault(entry["body"]["key"], number)

    # --- a whole export

    def _finish_export(self) -> None:
        size = self.growing.size
        self.proven.append(f"{size} entries: each is unchanged and follows the one before")
        self._check_heads({head["size"]: self.roots.get(head["size"], b"").hex() for head in self.heads})
        for head in self.witnessed:
            if head["size"] > size:
                raise Wrong(f"the ledger is cut off: it ends at {size}, you hold a head of {head['size']}")
            if self.roots.get(head["size"], EMPTY).hex() != head["root"]:
                raise Wrong(f"the first {head['size']} entries are not those whose head you hold")
            self.proven.append(f"it begins with the {head['size']} entries whose head you hold")
        after = size - max(head["size"] for head in self.heads)
        if after:
            self.not_proven.append(f"that the desk stands by the last {after} entries: no head has them yet")
        self.not_proven.append(
            "that every entry says what an honest desk writes there: `python -m api ledger verify` reads them"
        )
        if not self.witnessed:
            self.not_proven.append(
                "that nothing was cut off at the end, nor all made anew by who has the key: give a head"
            )

    # --- a proof of some entries

    def _finish_proof(self) -> None:
        if not self.heads or not self.entries:
            raise Wrong("it holds no entry, or no signed head: nothing is proven")
        if len(self.heads) > 1:
            # Each entry might be under another one, of another tree, signed with another key.
            raise Wrong("a proof is under one signed head, this one has several")
        self._check_heads({})
        heads = {head["size"]: head for head in self.heads}
        self._check_inclusions(heads)
        known = {head["size"]: head for head in self.witnessed}
        for proof in self.consistencies:
            self._check_consistency(proof, heads, known)
        for size, head in known.items():
            if size in heads and heads[size]["root"] != head["root"]:
                raise Wrong(f"the first {size} entries are not those whose head you hold")
            if size in heads:
                self.proven.append(f"it belongs to the ledger of {size} entries whose head you hold")
        known = {size: head for size, head in known.items() if size not in heads}
        if known or not self.witnessed:
            self.not_proven.append(
                "that the ledger is the one whose head you hold: ask for a proof since that head"
                if known
                else "that the desk tells everybody of the same ledger: give a head that was kept elsewhere"
            )
        self.not_proven.append("anything about entries that are not in this file")

    def _check_inclusions(self, heads: dict[int, Fields]) -> None:
        left = set(self.entries)
        for proof in self.inclusions:
            seq, head = proof["seq"], heads.get(proof["size"])
            path = [_hash(part) for part in proof["path"]]
            entry = self.entries.get(seq)
            if head is None or entry is None:
                raise Wrong(f"a proof speaks of entry {seq}, of which the file holds no entry or no head")
            if not includes(_hash(head["root"]), head["size"], seq - 1, entry["leaf"], path):
                raise Wrong(f"entry {seq} is not among the {head['size']} entries that the desk signed")
            left.discard(seq)
        if left:
            raise Wrong(f"no proof that entry {min(left)} is in the ledger")
        numbers = ", ".join(str(seq) for seq in sorted(self.entries))
        self.proven.append(f"each of these entries is unchanged and in the signed ledger: {numbers}")

    def _check_consistency(self, proof: Fields, heads: dict[int, Fields], known: dict[int, Fields]) -> None:
        first, second = known.get(proof["first"]), heads.get(proof["second"])
        if first is None or second is None:
            return
        path = [_hash(part) for part in proof["path"]]
        roots = _hash(first["root"]), _hash(second["root"])
        if not extends(first["size"], roots[0], second["size"], roots[1], path):
            raise Wrong(f"the ledger does not begin with the {first['size']} entries whose head you hold")
        self.proven.append(f"the ledger begins with the {first['size']} entries whose head you hold")
        del known[first["size"]]

    # --- signatures

    def _check_heads(self, roots: dict[int, str]) -> None:
        if not self.heads:
            raise Wrong("no head is signed: nothing says that this is a desk's ledger")
        for head in self.heads:
            if roots and roots[head["size"]] != head["root"]:
                raise Wrong(f"the first {head['size']} entries are not those whose head the desk signed")
            if not 0 < self.announced.get(head["key"], 0) <= head["size"]:
                raise Wrong(f"the head of {head['size']} entries is signed with a key that nobody announced")
        newest = sorted(self.heads, key=lambda head: head["size"])[-MOST_SIGNATURES:]
        for head in newest:
            if not is_genuine(head):
                raise Wrong(f"the signature of the head of {head['size']} entries is not genuine")
        last = newest[-1]
        self.proven.append(f"the desk signed the first {last['size']} of them at {last['at']}")
        if len(newest) < len(self.heads):
            self.not_proven.append(f"signatures but the newest {len(newest)} of {len(self.heads)}")
        self._check_key(last["key"])

    def _check_key(self, key: str) -> None:
        trusted = {*self.keys, *(head["key"] for head in self.witnessed)}
        if trusted and key not in trusted:
            raise Wrong(f"it is signed with the key {key}, which is none of those that you gave")
        if trusted:
            self.proven.append(f"it is signed with the key that you gave: {key}")
        else:
            self.not_proven.append(f"whose key this is: {key}. Compare it with the one that the site gave")


def _hash(text: str) -> bytes:
    """One hash has one spelling: 64 small hexadecimal digits."""
    found = bytes.fromhex(text)
    if found.hex() != text or len(found) != 32:
        raise Wrong("a hash is not written as a desk writes it")
    return found


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def kept_heads(paths: Iterable[str]) -> list[Fields]:
    """The heads that somebody kept."""
    return [as_head(line.get("head", line)) for path in paths for line in lines(path)]


def main(arguments: list[str] | None = None) -> int:
    """Check a file and say in plain words what that proves."""
    described = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        description=described[0],
        epilog="\n\n".join(described[2:]),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("file", help="what `python -m api ledger export` or `prove` wrote")
    parser.add_argument("--head", action="append", default=[], help="a file with heads kept elsewhere")
    parser.add_argument("--key", action="append", default=[], help="the desk's public key, hexadecimal")
    parser.add_argument("--json", action="store_true", help="one JSON object in place of sentences")
    asked = parser.parse_args(arguments)
    try:
        check = Check(kept_heads(asked.head), asked.key)
        check.run(asked.file)
    except Wrong as wrong:
        return _report(asked.json, {"verified": False, "fault": str(wrong)}, f"NOT verified: {wrong}", 1)
    except Unreadable as error:
        return _report(asked.json, {"verified": None, "fault": str(error)}, f"cannot be read: {error}", 2)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        fault = f"a line has not the form that a desk writes ({type(error).__name__})"
        return _report(asked.json, {"verified": False, "fault": fault}, f"NOT verified: {fault}", 1)
    text = ["verified. Proven:", *(f"  + {one}" for one in check.proven)]
    text += ["Not proven:", *(f"  - {one}" for one in check.not_proven)] if check.not_proven else []
    result = {"verified": True, "proven": check.proven, "not_proven": check.not_proven}
    return _report(asked.json, result, "\n".join(text), 0)


def _report(as_json: bool, result: Fields, text: str, status: int) -> int:  # noqa: FBT001 - as it was asked
    print(json.dumps(result) if as_json else text)  # noqa: T201 - a program of its own
    return status


if __name__ == "__main__":
    sys.exit(main())
