"""The stand-alone verifier: one file, run by itself, finds whatever was done to an export or a proof."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from api.audit import export, verifier
from api.audit.replay.account import Account
from api.ledger.tree_head import SigningKey, TreeHead, is_worthless
from api.platform.database.database import opened
from lane.ledger import merkle
from lane.ledger.entry import GENESIS, Head, follow
from lane.platform.errors import LedgerBrokenError
from tests.support import tiers
from tests.support.api.running_desk import running
from tests.support.api.sqlite_file import copied
from tests.support.merkle_nodes import nodes_of_leaves

VERIFIER = Path(verifier.__file__)
Lines = list[dict[str, Any]]
GARBLED = (KeyError, TypeError, ValueError, AttributeError)
AT = datetime(2026, 11, 25, 14, tzinfo=UTC)
OF_ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"

# RFC 8032, section 7.1: secret key, public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_the_rfc(key: str, message: str, signature: str) -> None:
    parts = [bytes.fromhex(part) for part in (key, message, signature)]
    assert verifier.verify_signature(*parts)
    assert not verifier.verify_signature(parts[0], parts[1] + b"x", parts[2])


@settings(max_examples=tiers.examples(60))
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.data())
def test_signatures_verify_where_cryptography_verifies(
    secret: bytes, message: bytes, data: st.DataObject
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(secret)
    parts = [private.public_key().public_bytes_raw(), message, private.sign(message)]
    assert verifier.verify_signature(*parts)
    which = data.draw(st.sampled_from([0, 2] if not message else [0, 1, 2]))
    changed = bytearray(parts[which])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    parts[which] = bytes(changed)
    assert verifier.verify_signature(*parts) == believed(*parts)


def believed(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_invalid_signature_is_rejected() -> None:
    key, message, signature = (bytes.fromhex(part) for part in RFC_8032[0])
    too_large = int.from_bytes(signature[32:], "little") + verifier.L
    assert not verifier.verify_signature(key, message, signature[:32] + too_large.to_bytes(32, "little"))
    no_point = (2).to_bytes(32, "little")
    assert not verifier.verify_signature(no_point, message, signature)
    assert not verifier.verify_signature(key, message, signature[:-1])


# --- whole files


class Shift:
    """A ledger after some work, as files: the export, a proof of one passage, heads that were kept."""

    def __init__(self, path: Path) -> None:
        with running(path) as desk, desk.lane() as lane, desk.officer() as officer:
            prove = desk.desk.proofs
            first = lane.refer(images=[])
            self.early: TreeHead = prove.head()
            officer.claim(first)
            officer.decide(first, "second_line", "cannot_tell", note="边检 ✓ \u2028 a line separator")
            passage = lane.refer(images=[])
            for number in range(300):
                lane.deliver(lane.write("lane.started", {"number": number, "text": "\u2028\\\"'"}))
            self.late: TreeHead = prove.head()
            self.database = desk.desk.database
            with self.database.read() as session:
                self.export = [json.loads(line) for line in export.export(session)]
                seqs = export.of_passage(session, passage)
                self.proof = [json.loads(line) for line in export.proof(session, seqs, [self.early.size])]


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Shift:
    return Shift(tmp_path_factory.mktemp("shift"))


def write(path: Path, lines: Lines) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def alone(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """The verifier by itself: no environment, no site-packages, none of our modules."""
    command = [sys.executable, "-I", "-S", str(VERIFIER), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(lines: Lines, *witnessed: TreeHead, keys: tuple[str, ...] = ()) -> verifier.Check:
    """In this process: a property has many examples."""
    run = verifier.Check([verifier.as_head(head.to_json()) for head in witnessed], list(keys))
    with TemporaryDirectory() as folder:
        run.run(str(write(Path(folder) / "file", lines)))
    return run


def checked(lines: Lines, *witnessed: TreeHead, keys: tuple[str, ...] = ()) -> str | None:
    """What is wrong, or None."""
    try:
        check(lines, *witnessed, keys=keys)
    except (verifier.Wrong, verifier.Unreadable, *GARBLED) as error:
        return str(error) or type(error).__name__
    return None


def test_honest_export_verifies_alone(shift: Shift, tmp_path: Path) -> None:
    """With nothing but the file."""
    path = write(tmp_path / "export", shift.export)
    done = alone(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{shift.late.size} entries: each is unchanged" in done.stdout
    assert "give a head" in done.stdout
    assert shift.late.key in done.stdout.split("Not proven:")[1]
    assert alone(path, "--key", shift.late.key).returncode == 0
    refused = alone(path, "--key", "0" * 64)
    assert (refused.returncode, "none of those" in refused.stdout) == (1, True)


def test_honest_proof_verifies_alone(shift: Shift, tmp_path: Path) -> None:
    """With nothing but the file."""
    path, heads = write(tmp_path / "proof", shift.proof), write(tmp_path / "kept", [shift.early.to_json()])
    done = alone(path, "--head", heads, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["verified"]) == (0, True)
    assert f"begins with the {shift.early.size} entries" in " ".join(told["proven"])
    assert told["not_proven"] == ["anything about entries that are not in this file"]
    assert "give a head that was kept" in alone(path).stdout


@pytest.mark.parametrize("content", ["", "a letter", "[]", '{"file": "another"}'])
def test_invalid_export_is_not_called_broken(tmp_path: Path, content: str) -> None:
    path = tmp_path / "letter"
    path.write_text(content)
    assert alone(path).returncode == 2
    assert alone(tmp_path / "nowhere").returncode == 2


@settings(max_examples=tiers.examples(150))
@given(st.data())
def test_any_changed_bit_in_export_found(shift: Shift, data: st.DataObject) -> None:
    lines, _ = changed_somewhere(shift.export, data)
    assert checked(lines, shift.late) is not None


def changed_somewhere(lines: Lines, data: st.DataObject) -> tuple[Lines, tuple[str, str]]:
    """The same lines, but for one bit of one of them, and what it is in."""
    place = data.draw(st.integers(1, len(lines) - 2))
    ((kind, fields),) = lines[place].items()
    field = data.draw(st.sampled_from(sorted(fields)))
    value: Any = fields[field]
    if isinstance(value, list):
        which = data.draw(st.integers(0, len(value) - 1))
        changed: object = [*value[:which], flipped(value[which], data), *value[which + 1 :]]
    else:
        changed = flipped(value, data)
    line = {kind: fields | {field: changed}}
    return [*lines[:place], line, *lines[place + 1 :]], (kind, field)


def flipped(value: object, data: st.DataObject) -> object:
    """The value with one bit changed."""
    if isinstance(value, int):
        return value ^ (1 << data.draw(st.integers(0, 20)))
    content = bytearray(str(value).encode())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    return content.decode("utf-8", "replace")


def entries(lines: Lines) -> tuple[Lines, Lines, Lines]:
    """What stands before, the entries, and what stands after."""
    places = [place for place, line in enumerate(lines) if "entry" in line]
    return lines[: places[0]], lines[places[0] : places[-1] + 1], lines[places[-1] + 1 :]


def deleted(lines: Lines, data: st.DataObject) -> Lines:
    place = data.draw(st.integers(0, len(lines) - 1))
    return lines[:place] + lines[place + 1 :]


def reordered(lines: Lines, data: st.DataObject) -> Lines:
    one, two = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True))
    moved = list(lines)
    moved[one], moved[two] = moved[two], moved[one]
    return moved


def inserted(lines: Lines, data: st.DataObject) -> Lines:
    place, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    return [*lines[:place], lines[other], *lines[place:]]


def truncated(lines: Lines, data: st.DataObject) -> Lines:
    return lines[: data.draw(st.integers(1, len(lines) - 1))]


@pytest.mark.parametrize("change", [deleted, reordered, inserted, truncated])
@given(data=st.data())
def test_deleted_reordered_inserted_cut_entries_found(
    shift: Shift, change: Callable[[Lines, st.DataObject], Lines], data: st.DataObject
) -> None:
    before, between, after = entries(shift.export)
    assert checked(before + change(between, data) + after, shift.late) is not None


def test_kept_head_finds_cut_tail(shift: Shift) -> None:
    """Even where the tail was taken with its heads."""
    before, between, after = entries(shift.export)
    fewer = [line for line in after if line.get("head", {}).get("size", 0) <= shift.early.size]
    end = {"end": {"entries": shift.early.size}}
    cut = [*before, *between[: shift.early.size], *fewer[:-1], end]
    assert checked(cut) is None
    assert "cut off" in str(checked(cut, shift.late))


@settings(max_examples=tiers.examples(150))
@given(st.data())
def test_any_change_of_proof_is_found(shift: Shift, data: st.DataObject) -> None:
    lines, place = changed_somewhere(shift.proof, data)
    if checked(lines, shift.early) is None:
        # A consistency proof of another size says nothing about the head that was given: that is told.
        assert place in {("consistency", "first"), ("consistency", "second")}
        assert any("whose head you hold" in one for one in check(lines, shift.early).not_proven)


class Forger:
    """Somebody with a key of their own, or none, who makes what looks like a proof of the site's desk."""

    def __init__(self, shift: Shift) -> None:
        self.key = SigningKey(Ed25519PrivateKey.generate())
        announced = {"key": self.key.public, "algorithm": "ed25519"}
        # At places that the genuine proof says nothing of.
        first = follow(Head(1, "0" * 64), chain="desk", at=AT, kind="ledger.key", body=announced)
        second = follow(first.head, chain="desk", at=AT, kind="referral.decided", body={"answer": "admit"})
        self.entries = (first, second)
        hashes = [b"", *(bytes.fromhex(entry.hash) for entry in self.entries)]
        self.nodes = nodes_of_leaves([merkle.leaf_hash(hash_) for hash_ in hashes])
        self.root = merkle.root(self.nodes, 3)
        self.genuine = shift.proof

    def proof(self, head: TreeHead) -> Lines:
        """The two entries under this head, put into the genuine proof."""
        mine = [{"entry": {"payload": entry.payload, "hash": entry.hash}} for entry in self.entries]
        paths = {seq: [part.hex() for part in merkle.inclusion(self.nodes, seq - 1, 3)] for seq in (2, 3)}
        shown = [{"inclusion": {"seq": seq, "size": 3, "path": path}} for seq, path in paths.items()]
        count = sum("entry" in line for line in self.genuine) + 2
        return [*self.genuine[:-1], *mine, {"head": head.to_json()}, *shown, {"end": {"entries": count}}]


def test_forged_head_beside_genuine_proves_nothing(shift: Shift) -> None:
    forger = Forger(shift)
    lines = forger.proof(forger.key.sign(3, forger.root, AT))
    assert "one signed head" in str(checked(lines, keys=(shift.late.key,)))


def test_unchecked_head_signature_proves_nothing(shift: Shift) -> None:
    """The genuine head so often that the forged one is not among those whose signatures are checked."""
    forger = Forger(shift)
    unsigned = TreeHead(3, forger.root.hex(), AT, forger.key.public, "0" * 128)
    lines = forger.proof(unsigned)
    many = [{"head": shift.late.to_json()}] * verifier.MOST_SIGNATURES
    assert "one signed head" in str(checked([*lines[:-1], *many, lines[-1]], keys=(shift.late.key,)))


def test_contradicting_heads_of_one_size_found(shift: Shift) -> None:
    other = Forger(shift).key.sign(shift.late.size, b"\x01" * 32, AT)
    assert "contradict" in str(checked(shift.export, shift.late, other))
    assert "contradict" in str(checked(shift.proof, shift.late, other))


@pytest.mark.parametrize(
    "line",
    [
        '{"entry": {}, "entry": {}}',
        '{"entry": {"payload": "", "payload": "", "hash": ""}}',
        '{"end": {"entries": 1}, "head": {}}',
        '{"end": {"entries": 1}}',
        '{"head": {"size": -1}}',
        "[" * 100_000,
        '{"end": ' + "9" * 5000 + "}",
        '{"end": NaN}',
        '{"note": "' + "x" * verifier.LONGEST_LINE + '"}',
    ],
    ids=lambda line: line[:24],
)
def test_ambiguous_or_unreadable_line_is_refused(shift: Shift, tmp_path: Path, line: str) -> None:
    path = tmp_path / "file"
    before = "".join(f"{json.dumps(one)}\n" for one in shift.export[:-1])
    path.write_text(f"{before}{line}\n", encoding="utf-8")
    done = alone(path)
    assert (done.returncode in (1, 2), done.stderr) == (True, "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", True),
        ("size", -1),
        ("root", "AB" * 32),
        ("root", "ab" * 16),
        ("at", "2026-11-25T14:00:00Z"),
        ("at", "2026-11-25T14:00:00+00:00\n"),
        ("key", "00" * 31),
        ("signature", "00" * 65),
        ("root", "٣" * 64),
    ],
)
def test_a_head_has_one_spelling(shift: Shift, field: str, value: object) -> None:
    told = {**shift.late.to_json(), field: value}
    with pytest.raises(verifier.Unreadable):
        verifier.as_head(told)


@pytest.mark.parametrize(
    "payload",
    [
        '{"at": "2026-11-25T14:00:00+00:00","body":{},"chain":"desk","kind":"k","previous":"0","seq":1}',
        '{"at":"now","body":{},"body":{"a":1},"chain":"desk","kind":"k","previous":"0","seq":1}',
        '{"at":"now","body":{},"chain":"lane-1","kind":"k","previous":"0","seq":1}',
        '{"at":"now","body":{},"chain":"desk","kind":"k","previous":"0","seq":-1}',
        '{"at":"now","body":{},"chain":"desk","kind":"k","previous":"0","seq":true}',
        '{"at":"now","body":{},"chain":"desk","kind":"k","previous":"0","seq":1.0}',
        '{"at":"now","body":{},"chain":"desk","kind":"k","more":1,"previous":"0","seq":1}',
    ],
)
def test_proof_entry_has_one_reading(payload: str) -> None:
    with pytest.raises(verifier.Wrong):
        verifier.as_entry(payload)


def test_small_order_key_signs_nothing() -> None:
    """With the neutral point as the key, one signature would fit any message."""
    neutral, scalar = (1).to_bytes(32, "little"), 5
    point = verifier._encoded(verifier._times(verifier.BASE, scalar))
    signature = point + scalar.to_bytes(32, "little")
    assert believed(neutral, b"anything", signature), "so the library has to be asked another question"
    assert not verifier.verify_signature(neutral, b"anything", signature)
    head = TreeHead(1, "00" * 32, AT, neutral.hex(), signature.hex())
    assert not head.is_genuine()
    body = {"key": neutral.hex(), "algorithm": "ed25519"}
    announced = follow(GENESIS, chain="desk", at=AT, kind="ledger.key", body=body)
    with pytest.raises(LedgerBrokenError, match="nothing is signed"):
        Account().note(announced)


@given(st.integers(1, 7), st.booleans())
def test_all_small_order_keys_are_known(times: int, negative: bool) -> None:
    point = verifier._decoded(bytes.fromhex(OF_ORDER_8))
    assert point
    encoded = bytearray(verifier._encoded(verifier._times(point, times)))
    encoded[-1] ^= 0x80 if negative else 0
    assert is_worthless(encoded.hex())
    assert not is_worthless(SigningKey(Ed25519PrivateKey.generate()).public)


def test_export_of_changed_database_is_rejected(shift: Shift, tmp_path: Path) -> None:
    copy = copied(Path(str(shift.database.place)), tmp_path / "copy.sqlite3")
    with closing(sqlite3.connect(copy)) as raw, raw:
        raw.execute("DROP TRIGGER ledger_refuses_update")
        raw.execute("UPDATE ledger SET payload = replace(payload, 'second_line', 'admit')")
    with opened(copy) as database, database.read() as session:
        lines = [json.loads(line) for line in export.export(session)]
    assert "was changed" in str(checked(lines))
