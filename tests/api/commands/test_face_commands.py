"""Holds and keys from the command line."""

import base64
import json
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from api.audit.verify.ledger import verify_ledger
from api.faces.keyring import Keyring
from api.faces.sealing import KeyFile
from api.platform.database.database import Database, opened
from tests.api.commands.test_command_line import refusal, run
from tests.api.faces.test_faces import close, held, key_file, verified
from tests.support.api.running_desk import Lane, RunningDesk


def done(desk: RunningDesk, *words: str) -> str:
    result = run(*words, "--database", str(desk.file))
    assert result.exit_code == 0, result.output
    return result.output


def test_hold_is_placed_listed_lifted(desk: RunningDesk, lane: Lane) -> None:
    nothing = refusal("hold", "place", "p-1", "--reason", "case", "--database", str(desk.file))
    assert "no faces" in nothing
    passage = lane.refer()
    assert passage in done(desk, "hold", "place", passage, "--reason", "case 2026/17")
    close(lane, passage)
    assert held(desk) == 1
    [hold] = json.loads(done(desk, "hold", "list", "--json"))["holds"]
    assert (hold["passage"], hold["placed_by"], hold["reason"]) == (passage, "command line", "case 2026/17")
    done(desk, "hold", "lift", passage, "--reason", "case is closed")
    desk.do_chores()
    assert held(desk) == 0
    verified(desk)


def test_key_rotates_while_desk_runs(desk: RunningDesk, lane: Lane) -> None:
    lane.refer()
    before = key_file(desk).read_bytes()
    assert "1 keys are wrapped" in done(desk, "keys", "rotate")
    after = key_file(desk).read_bytes()
    assert after != before
    assert [path.name for path in desk.file.parent.iterdir() if path.name.endswith(".next")] == []
    lane.refer()
    assert verified(desk).not_checked == ()


def test_environment_key_rotates_to_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    next_key = tmp_path / "next.txt"
    next_key.write_text(second)
    database = ["--database", str(tmp_path / "desk.sqlite3")]
    rotate = ("keys", "rotate", "--to", str(next_key), *database)
    monkeypatch.setenv("PASSENGER_LANE_DESK_KEK", first)
    assert [run("lane", "add", "lane-1", *database).exit_code, run(*rotate).exit_code] == [0, 0]
    refused = refusal(*rotate)
    assert first not in refused
    assert second not in refused
    monkeypatch.setenv("PASSENGER_LANE_DESK_KEK", second)
    assert run(*rotate).exit_code == 0


def test_interrupted_rotation_changes_nothing(desk: RunningDesk, lane: Lane) -> None:
    lane.refer()
    file = KeyFile(key_file(desk))
    file.next()
    before = desk.desk.keyring.identity
    again = Keyring(Database(desk.desk.keyring.place), file)
    again.prepare()
    assert again.identity == before
    again.close()
    done(desk, "keys", "rotate")
    assert desk.desk.keyring.identity != before
    assert verified(desk).not_checked == ()


def test_backup_holds_no_key(desk: RunningDesk, lane: Lane, tmp_path: Path) -> None:
    """It brings no erased face back."""
    passage, waiting = lane.refer(), lane.refer()
    file, restored = tmp_path / "backup.sqlite3", tmp_path / "restored.sqlite3"
    done(desk, "backup", "--to", str(file))
    close(lane, passage)
    assert run("restore", "--from", str(file), "--database", str(restored)).exit_code == 0
    with closing(sqlite3.connect(restored)) as raw:
        tables = {table for (table,) in raw.execute("SELECT name FROM sqlite_master")}
        sealed = dict(raw.execute("SELECT passage, sealed FROM images"))
    assert not tables & {"keys", "key_encryption"}
    assert {passage, waiting} == set(sealed), "the backup is from before"
    with opened(restored) as database:
        unopened = verify_ledger(database, keyring=desk.desk.keyring).not_checked
    assert unopened == ("the images of 1 passages were not opened: the keyring has no keys for them",)
