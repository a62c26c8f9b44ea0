"""The ledger's tree: stored tile by tile, signed, and proven to whoever asks over HTTP."""

import hashlib
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url, select

from api.audit.verify.ledger import verify_ledger
from api.lanes import tokens
from api.ledger import chain, tree
from api.ledger import proofs as proving
from api.ledger.proofs import Proofs
from api.ledger.tree import RebuiltTree, Tree
from api.ledger.tree_head import SigningKey, from_json, key_at
from api.platform.database.database import Database, opened
from api.platform.database.tables import LedgerRow, TileRow
from api.platform.errors import NameTakenError, SettingsError
from lane.ledger import merkle
from lane.platform.errors import LedgerBrokenError
from tests.support.api.running_desk import Lane, Officer, RunningDesk, refusal
from tests.support.api.sqlite_file import fresh_file
from tests.support.merkle_nodes import nodes_of_leaves

NOW = datetime(2026, 11, 25, 14, tzinfo=UTC)
ENTRIES = 600
HEAD = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32)))).sign(7, bytes(32), NOW)


@pytest.fixture
def proofs(database: Database, tmp_path: Path) -> Proofs:
    return Proofs(database, tmp_path / "key", lambda: NOW)


def fill(database: Database, entries: int = ENTRIES) -> None:
    with database.write() as session:
        first = chain.head(session).seq
        for number in range(entries):
            tokens.add(session, f"lane-{first + number}", at=NOW)


def kept(database: Database) -> tuple[list[bytes], dict[tuple[int, int], bytes]]:
    """The leaves as the entries make them, and the digests of the stored tiles."""
    with database.read() as session:
        entries = session.scalars(select(LedgerRow.hash).order_by(LedgerRow.seq)).all()
        rows = session.scalars(select(TileRow)).all()
        tiles = {(row.level, row.number): tree.digest(row.hashes) for row in rows}
    return [merkle.leaf_hash(bytes.fromhex(entry)) for entry in entries], tiles


@pytest.mark.both_databases
def test_tiles_and_their_proofs_match_leaves(database: Database) -> None:
    fill(database)
    leaves, tiles = kept(database)
    rebuilt, nodes = RebuiltTree(), nodes_of_leaves(leaves)
    for leaf in leaves:
        rebuilt.add(leaf)
    assert sorted(tiles) == [(0, 0), (0, 1), (1, 0)]
    assert dict(rebuilt.tiles()) == tiles
    with database.read() as session:
        for size in (1, 2, 255, 256, 257, 511, 512, 513, ENTRIES):
            stored = Tree(session)
            assert stored.root(size) == merkle.root(nodes, size)
            for seq in {1, size, size // 2 + 1}:
                assert stored.inclusion(seq, size) == merkle.inclusion(nodes, seq - 1, size)
            assert stored.consistency(size, ENTRIES) == merkle.consistency(nodes, size, ENTRIES)


def test_tree_rebuilt_over_three_levels_matches() -> None:
    rebuilt, growing = RebuiltTree(), merkle.Growing()
    for number in range(70_000):
        leaf = merkle.leaf_hash(hashlib.sha256(number.to_bytes(4)).digest())
        rebuilt.add(leaf)
        growing.add(leaf)
    assert rebuilt.root() == growing.root()
    places = {place for place, _ in rebuilt.tiles()}
    assert {level for level, _ in places} == {0, 1, 2}
    assert len(places) == 70_000 // 256 + 2 + 1


@pytest.mark.both_databases
def test_rolled_back_append_removes_its_tile(database: Database) -> None:
    fill(database, 255)
    with suppress(NameTakenError), database.write() as session:
        for name in ("lane-255", "lane-255"):
            tokens.add(session, name, at=NOW)
    leaves, tiles = kept(database)
    assert (len(leaves), tiles) == (255, {})


# --- signed heads


def test_key_made_once_owner_readable_only(tmp_path: Path) -> None:
    made = key_at(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert key_at(tmp_path / "key").public == made.public
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("content", [b"", b"no key at all"])
def test_unusable_key_stops_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="no key to sign"):
        key_at(path)
    path.unlink()
    key_at(path)
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        key_at(path)


@given(st.data())
def test_changed_head_is_not_genuine(data: st.DataObject) -> None:
    head = from_json(HEAD.to_json())
    assert head == HEAD
    assert head.is_genuine()
    field = data.draw(st.sampled_from(["size", "root", "at", "key", "signature"]))
    if field == "size":
        changed = replace(head, size=data.draw(st.integers(0).filter(lambda size: size != head.size)))
    elif field == "at":
        changed = replace(
            head, at=data.draw(st.datetimes(timezones=st.just(UTC)).filter(lambda at: at != NOW))
        )
    else:
        text = bytearray.fromhex(getattr(head, field))
        text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        changed = from_json(head.to_json() | {field: text.hex()})
    assert not changed.is_genuine()


@pytest.mark.parametrize(
    "at", ["2026-11-25T14:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_head_with_non_utc_time_rejected(at: str) -> None:
    with pytest.raises(ValueError, match="time"):
        from_json(HEAD.to_json() | {"at": at})


@pytest.mark.both_databases
def test_head_signed_anew_after_growth_or_with_announced_key(proofs: Proofs, tmp_path: Path) -> None:
    first = proofs.head()
    assert first.is_genuine()
    assert proofs.head() == first
    fill(proofs.database, 3)
    second = proofs.head()
    assert (second.size, second.key) == (first.size + 3, first.key)
    by_another_key = replace(proofs, key_file=tmp_path / "another-key").head()
    assert (by_another_key.key != first.key, by_another_key.size) == (True, second.size + 1)
    assert verify_ledger(proofs.database).heads == 3
    with pytest.raises(LedgerBrokenError, match="nobody announced"):
        verify_ledger(proofs.database, signed=[HEAD])


CHANGES = {
    "what the entries make": "UPDATE ledger_tiles SET hashes = zeroblob(8192) WHERE number = 1",
    "tile 0 of level 1": "DELETE FROM ledger_tiles WHERE level = 1",
    "not genuine": "UPDATE tree_heads SET size = size - 1 WHERE size > 9",
    "the signature of": "UPDATE tree_heads SET at = '2026-11-25 15:00:00.000000'",
    "nobody announced": "UPDATE signing_keys SET seq = 9999",
    "does not announce": "UPDATE signing_keys SET seq = 2; DELETE FROM tree_heads WHERE size < 9",
}


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database, signed when it was empty and when it was filled."""
    folder = tmp_path_factory.mktemp("signed")
    with closing(Database(fresh_file(folder / "desk.sqlite3"))) as made:
        proofs = Proofs(made, folder / "key", lambda: NOW)
        proofs.head()
        fill(made)
        proofs.head()
    return (folder / "desk.sqlite3").read_bytes()


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("fault", "change"), CHANGES.items())
def test_changed_tile_key_or_head_found(
    signed: bytes, tmp_path: Path, fault: str, change: str, whole: bool
) -> None:
    file = tmp_path / "desk.sqlite3"
    file.write_bytes(signed)
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.executescript(change)
    with opened(file) as database, pytest.raises(LedgerBrokenError, match=fault):
        verify_ledger(database, whole=whole)


@pytest.mark.parametrize("whole", [True, False])
def test_kept_head_finds_cut_tail(proofs: Proofs, tmp_path: Path, whole: bool) -> None:
    before = proofs.head()
    fill(proofs.database, 5)
    witnessed = proofs.head()
    with closing(sqlite3.connect(tmp_path / "desk.sqlite3")) as raw, raw:
        raw.execute("DROP TRIGGER ledger_refuses_delete")
        raw.execute("DELETE FROM ledger WHERE seq > 3")
        raw.execute("DELETE FROM tree_heads WHERE size > 3")
        raw.execute("UPDATE ledger_head SET (seq, hash) = (SELECT seq, hash FROM ledger WHERE seq = 3)")
        raw.execute(
            "CREATE TRIGGER ledger_refuses_delete BEFORE DELETE ON ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
    assert verify_ledger(proofs.database, signed=[before], whole=False).head.seq == 3
    with pytest.raises(LedgerBrokenError, match="cut off"):
        verify_ledger(proofs.database, signed=[witnessed], whole=whole)


def test_kept_head_finds_remade_ledger(proofs: Proofs, tmp_path: Path) -> None:
    fill(proofs.database, 5)
    witnessed = proofs.head()
    with closing(Database(fresh_file(tmp_path / "other.sqlite3"))) as other:
        replace(proofs, database=other).announce()
        fill(other, 9)
        assert verify_ledger(other).head.seq == 10
        with pytest.raises(LedgerBrokenError, match="one was replaced"):
            verify_ledger(other, signed=[witnessed])


# --- over HTTP


@pytest.mark.both_databases
def test_lane_checks_inclusion_and_growth(desk: RunningDesk, lane: Lane) -> None:
    first = from_json(lane.http.get("/ledger/head").json())
    passage = lane.refer(images=[])
    second = from_json(lane.http.get("/ledger/head").json())
    assert (first.is_genuine(), second.is_genuine(), second.size > first.size) == (True, True, True)
    grown = lane.http.get("/ledger/proof/consistency", params={"first": first.size, "second": second.size})
    path = [bytes.fromhex(part) for part in grown.json()["path"]]
    roots = bytes.fromhex(first.root), bytes.fromhex(second.root)
    assert merkle.extends(first.size, roots[0], second.size, roots[1], path)
    with desk.desk.database.read() as session:
        row = session.scalars(select(LedgerRow).where(LedgerRow.passage == passage).limit(1)).one()
    asked = {"seq": row.seq, "size": second.size}
    proof = lane.http.get("/ledger/proof/inclusion", params=asked).json()
    leaf = merkle.leaf_hash(bytes.fromhex(row.hash))
    assert proof["leaf"] == leaf.hex()
    path = [bytes.fromhex(part) for part in proof["path"]]
    assert merkle.includes(roots[1], second.size, row.seq - 1, leaf, path)


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("inclusion?seq=1&size=999", (404, "not_in_ledger")),
        ("inclusion?seq=5&size=1", (404, "not_in_ledger")),
        ("inclusion?seq=0&size=1", (422, "request_refused")),
        ("consistency?first=2&second=1", (404, "not_in_ledger")),
        ("consistency?first=0&second=999", (404, "not_in_ledger")),
        ("consistency?first=x&second=1", (422, "request_refused")),
    ],
)
def test_absent_entry_is_not_proven(lane: Lane, path: str, refused: tuple[int, str]) -> None:
    assert refusal(lane.http.get(f"/ledger/proof/{path}")) == refused


def test_head_is_told_only_to_known(desk: RunningDesk, officer: Officer, supervisor: Officer) -> None:
    assert supervisor.ask("GET", "/ledger/head").status_code == 200
    assert officer.ask("GET", "/ledger/head").status_code == 403
    assert httpx.get(f"{desk.address}/api/v1/ledger/head", trust_env=False).status_code == 401


def test_key_beside_database_unless_set(desk: RunningDesk, tmp_path: Path) -> None:
    unset = desk.settings.model_copy(update={"ledger_key": None})
    assert str(proving.key_file(unset)) == f"{desk.settings.database}.ledger-key"
    server = make_url("postgresql://desk:secret@somewhere/border")
    in_folder = unset.model_copy(update={"database": server, "keys": tmp_path})
    assert proving.key_file(in_folder) == tmp_path / "ledger-key"
    elsewhere = unset.model_copy(update={"ledger_key": tmp_path / "key"})
    assert proving.key_file(elsewhere) == tmp_path / "key"
