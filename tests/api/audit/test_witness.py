"""A second party that keeps heads alone finds a ledger that was rewritten or cut off; files for others."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from api.ledger import proofs
from tests.api.audit.test_verifier import alone
from tests.api.commands.test_command_line import run
from tests.support.api.running_desk import Lane, RunningDesk
from tests.support.api.sqlite_file import copied


def look(desk: RunningDesk, lane: Lane, store: Path, *more: str, token: str | None = None) -> Result:
    arguments = ("ledger", "witness", "--desk", desk.address, "--store", str(store), *more)
    return run(*arguments, PASSENGER_LANE_WITNESS_TOKEN=lane.token if token is None else token)


def test_growing_ledger_satisfies_witness(desk: RunningDesk, lane: Lane, tmp_path: Path) -> None:
    store = tmp_path / "heads"
    assert look(desk, lane, store).exit_code == 0
    assert look(desk, lane, store).exit_code == 0
    lane.refer(images=[])
    done = look(desk, lane, store)
    assert (done.exit_code, "only grew" in done.stdout) == (0, True)
    sizes = [json.loads(line)["size"] for line in store.read_text().splitlines()]
    assert sizes == sorted(set(sizes))
    assert len(sizes) == 2
    told = run("ledger", "verify", "--database", str(desk.file), "--witness", str(store), "--quick")
    assert (told.exit_code, told.stdout.split()[0]) == (0, "verified:")


@pytest.mark.parametrize("grown_again", [0, 9])
def test_restored_ledger_found_though_regrown(
    desk: RunningDesk, lane: Lane, tmp_path: Path, grown_again: int
) -> None:
    store, backup = tmp_path / "heads", copied(desk.file, tmp_path / "backup")
    lane.refer(images=[])
    assert look(desk, lane, store).exit_code == 0
    copied(backup, desk.file)  # under the running desk, key and all
    with closing(sqlite3.connect(desk.file)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
    with desk.lane("lane-2") as other:
        for number in range(grown_again):
            other.deliver(other.write("lane.started", {"number": number}))
        found = look(desk, other, store)
    assert (found.exit_code, "NOT the same ledger" in found.stdout) == (1, True)
    assert len((tmp_path / "heads.contradiction").read_text().splitlines()) == 2, "the evidence"
    again = run("ledger", "verify", "--database", str(desk.file), "--witness", str(store))
    assert again.exit_code == 1


def test_other_key_only_with_site_consent(desk: RunningDesk, lane: Lane, tmp_path: Path) -> None:
    store = tmp_path / "heads"
    assert look(desk, lane, store).exit_code == 0
    proofs.key_file(desk.settings).unlink()
    refused = look(desk, lane, store)
    assert (refused.exit_code, "another key" in refused.stdout) == (1, True)
    new = desk.desk.proofs.head().key
    assert look(desk, lane, store, "--accept-key", new).exit_code == 0
    assert look(desk, lane, store).exit_code == 0


def test_unreachable_desk_is_not_called_forger(desk: RunningDesk, lane: Lane, tmp_path: Path) -> None:
    store = tmp_path / "heads"
    assert look(desk, lane, store, token="wrong").exit_code == 2
    nowhere = replace(desk, address="http://127.0.0.1:9")
    gone = look(nowhere, lane, store)
    assert (gone.exit_code, "cannot be asked at http://127.0.0.1:9" in gone.stderr) == (2, True)
    unset = look(nowhere, lane, store, token="")
    assert (unset.exit_code, "set PASSENGER_LANE_WITNESS_TOKEN" in unset.stderr) == (2, True)
    assert not store.exists()
    store.write_text("a letter\n")
    assert look(desk, lane, store).exit_code == 2


def test_export_and_proof_verify_offline(desk: RunningDesk, lane: Lane, tmp_path: Path) -> None:
    """By whoever has the files, without the desk."""
    database, store = ("--database", str(desk.file)), tmp_path / "heads"
    look(desk, lane, store)
    passage = lane.refer(images=[])
    size = json.loads(store.read_text())["size"]
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    assert run("ledger", "export", "--out", str(whole), *database).exit_code == 0
    asked = ("ledger", "prove", "--passage", passage, "--since", str(size), "--out", str(part))
    assert run(*asked, *database).exit_code == 0
    for file in (whole, part):
        done = alone(file, "--head", store)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"the {size} entries whose head you hold" in done.stdout
        assert passage in file.read_text()
    assert "lane.added" not in part.read_text()
    assert not list(tmp_path.glob("*.part"))


def test_keyless_copy_exports_under_newest_head(desk: RunningDesk, lane: Lane, tmp_path: Path) -> None:
    desk.desk.proofs.head()
    lane.refer(images=[])
    copy, out = copied(desk.file, tmp_path / "copy.sqlite3"), tmp_path / "out"
    assert run("ledger", "export", "--out", str(out), "--database", str(copy)).exit_code == 0
    told = alone(out).stdout
    assert told.startswith("verified.")
    assert "no head has them yet" in told
    assert not (tmp_path / "copy.sqlite3.ledger-key").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["999"], "has no such entry"),
        (["--passage", "p-9"], "no entry about a passage p-9"),
        ([], "say which entries"),
        (["1", "--since", "999"], "has no such entry"),
        (["0"], "has no such entry"),
    ],
)
def test_absent_entry_is_not_proven(desk: RunningDesk, tmp_path: Path, more: list[str], said: str) -> None:
    out = tmp_path / "out"
    done = run("ledger", "prove", *more, "--out", str(out), "--database", str(desk.file))
    assert (done.exit_code, said in done.stderr) == (2, True)
    assert not list(tmp_path.glob("out*"))


def test_unwritable_export_says_so(desk: RunningDesk, tmp_path: Path) -> None:
    nowhere = tmp_path / "no folder" / "out"
    done = run("ledger", "export", "--out", str(nowhere), "--database", str(desk.file))
    assert (done.exit_code, "No such file" in done.stderr) == (2, True)
