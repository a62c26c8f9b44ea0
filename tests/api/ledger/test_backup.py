"""A backup is whole and of one moment, moves between databases; a restored desk goes on with its lanes."""

import json
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL
from typer.testing import CliRunner

from api.audit.verify.ledger import verify_ledger
from api.ledger import backup
from api.platform.database.database import Database, opened
from lane.__main__ import app
from lane.decision.evidence import DeskContact, to_plain
from lane.decision.referral import PassageId
from lane.desk.http_client import HttpDesk
from lane.desk.outbox import Outbox
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import SystemClock
from lane.platform.errors import LedgerBrokenError
from tests.api.commands.test_command_line import refusal, run
from tests.api.serving.test_workers import address_of
from tests.support.api.evaluated_lane import kinds
from tests.support.api.postgresql import empty_database, empty_place
from tests.support.api.running_desk import REFERRED, Lane, Officer, RunningDesk, judged, wire

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def place_for_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A desk on a server must be told where its keys lie."""
    (tmp_path / "keys").mkdir()
    monkeypatch.setenv("PASSENGER_LANE_DESK_KEYS", str(tmp_path / "keys"))


def work(lane: Lane, officer: Officer) -> str:
    """A case that was decided, one that is claimed, one that waits; return the one that waits."""
    decided, claimed, waiting = lane.refer(), lane.refer(images=[]), lane.refer(images=[])
    officer.claim(decided)
    assert officer.decide(decided, note="边检 ✓").status_code == 200
    officer.claim(claimed)
    return waiting


def back_up(desk: RunningDesk, to: Path) -> Any:
    done = run("backup", "--to", str(to), "--database", address_of(desk.settings.database), "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def restore(file: Path, place: Path | URL) -> Any:
    done = run("restore", "--from", str(file), "--database", address_of(place), "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_backup_is_whole_desk_without_sessions(
    desk: RunningDesk, lane: Lane, officer: Officer, tmp_path: Path
) -> None:
    work(lane, officer)
    file, place = tmp_path / "backup", address_of(desk.settings.database)
    result = back_up(desk, file)
    with opened(file) as database:
        assert str(verify_ledger(database).head) == result["head"]
    with closing(sqlite3.connect(file)) as raw:
        assert raw.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
        assert raw.execute("SELECT count(*) FROM referrals").fetchone() == (3,)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup"]
    written = file.read_bytes()
    assert "overwrites nothing" in refusal("backup", "--to", str(file), "--database", place)
    assert file.read_bytes() == written
    assert "not empty" in refusal("restore", "--from", str(file), "--database", place)
    verify_ledger(desk.desk.database)


@pytest.mark.thorough
def test_backup_is_one_moment_under_load(desk: RunningDesk, lane: Lane, tmp_path: Path) -> None:
    ending = threading.Event()

    def write() -> None:
        while not ending.is_set():
            lane.refer(images=[])

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for number in range(3):
            backup.back_up(desk.desk.database, tmp_path / f"backup-{number}", lambda *_: None)
    finally:
        ending.set()
        writing.join()
    entries = []
    for number in range(3):
        with opened(tmp_path / f"backup-{number}") as database:
            entries.append(verify_ledger(database).head.seq)
    assert entries == sorted(entries), "each holds all that the one before did"
    assert entries[-1] > 0


@pytest.mark.thorough
@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
def test_desk_moves_to_either_database(
    desk: RunningDesk, server: RunningDesk, lane: Lane, officer: Officer, tmp_path: Path, into: str
) -> None:
    waiting = work(lane, officer)
    before = back_up(desk, tmp_path / "backup")
    with empty_place(into, tmp_path) as place:
        result = restore(tmp_path / "backup", place)
        assert result["entries"] == before["entries"]
        with server.moved_into(place) as moved:
            assert officer.ask("GET", "/referrals").status_code == 401, "sessions do not move"
            officer.sign_in()
            listed = officer.ask("GET", "/referrals").json()["referrals"]
            states = {case["passage"]: case["state"] for case in listed}
            assert states[waiting] == "open"
            officer.claim(waiting)
            assert officer.decide(waiting).status_code == 200
            assert lane.decision(lane.refer()) is None, "the lane is not behind: it just goes on"
            verify_ledger(moved.desk.database)
            assert kinds(moved).count("desk.restored") == 1


def test_changed_backup_is_not_called_restored(
    desk: RunningDesk, lane: Lane, officer: Officer, tmp_path: Path, database_kind: str
) -> None:
    work(lane, officer)
    back_up(desk, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup")) as raw, raw:
        raw.execute("UPDATE referrals SET gravity = 0")
    with empty_place(database_kind, tmp_path) as place:
        done = run("restore", "--from", str(tmp_path / "backup"), "--database", address_of(place))
        assert (done.exit_code, "NOT verified" in done.stderr) == (1, True)


def test_server_numbers_on_after_restored_entries(desk: RunningDesk, tmp_path: Path) -> None:
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql(
            'INSERT INTO evaluation_series (id, lane, matcher, sha256, preprocessing, "group", last_at) '
            "VALUES (7, '', 'm', 's', 'p', '', '2026-01-01 00:00:00')"
        )
    back_up(desk, tmp_path / "backup")
    with empty_database() as place:
        database = Database(place)
        backup.restore(tmp_path / "backup", database, lambda *_: None)
        with database.write() as session:
            number = session.connection().exec_driver_sql(
                'INSERT INTO evaluation_series (lane, matcher, sha256, preprocessing, "group", last_at) '
                "VALUES ('', 'n', 's', 'p', '', '2026-01-01 00:00:00') RETURNING id"
            )
            assert number.scalar() == 8
        database.close()


@pytest.mark.thorough
def test_lane_retells_what_restored_desk_lost(
    desk: RunningDesk, server: RunningDesk, lane: Lane, officer: Officer, tmp_path: Path, database_kind: str
) -> None:
    """A passenger whom an officer admitted: the lane knows, the backup from before does not."""
    lane.deliver(lane.write("lane.started", {"lane": "lane-1"}))
    back_up(desk, tmp_path / "backup")
    passage = lane.refer_to(officer)
    decision = officer.decide(passage).json()["decision"]
    assert lane.decision(passage) == decision
    done = [
        lane.write("passage.decided", {"passage": passage, "decision": decision}),
        lane.write("gate.opening", {"passage": passage, "because": "officer", "decision": decision["id"]}),
        lane.write("passage.closed", {"passage": passage, "how": "passed_through"}),
    ]
    assert lane.deliver(*done).status_code == 200
    with empty_place(database_kind, tmp_path) as place:
        restore(tmp_path / "backup", place)
        with server.moved_into(place) as moved:
            refused = lane.deliver(lane.write("lane.started", {"lane": "lane-1"}))
            assert (refused.status_code, refused.json()["code"]) == (409, "chain_broken")
            assert refused.json()["has"] == {"seq": 1, "hash": lane.written[0].hash}
            again = lane.written[1:-1]
            body = {"entries": wire(*again[:3]), "recovered_through": again[-1].seq}
            assert lane.http.post("/entries", json=body).status_code == 200
            body = {"entries": wire(*again[3:], lane.written[-1]), "recovered_through": again[-1].seq}
            for _ in range(2):
                assert lane.http.post("/entries", json=body).json()["applied_through"] == lane.head.seq
            verify_ledger(moved.desk.database)
            officer.sign_in()
            assert officer.ask("GET", "/referrals").json()["referrals"] == [], "nobody is asked again"
            assert lane.decision(lane.refer(images=[])) is None
            ghost = lane.write("gate.opening", {"passage": "p-9", "because": "officer", "decision": "d-9"})
            once_more = {"entries": wire(ghost), "recovered_through": ghost.seq}
            assert lane.http.post("/entries", json=once_more).json()["code"] == "chain_broken"
            verify_ledger(moved.desk.database)
            lane.deliver(ghost)
            with pytest.raises(LedgerBrokenError, match="no officer gave"):
                verify_ledger(moved.desk.database)


def test_desk_without_loss_is_retold_nothing(lane: Lane) -> None:
    ghost = lane.write("gate.opening", {"passage": "p-1", "because": "officer", "decision": "d-9"})
    answer = lane.http.post("/entries", json={"entries": wire(ghost), "recovered_through": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "chain_broken")


def test_lane_resumes_after_person_confirms_restore(
    desk: RunningDesk, server: RunningDesk, lane: Lane, officer: Officer, tmp_path: Path, database_kind: str
) -> None:
    """The lane itself, with its journal: from before the backup, through the loss, to a desk that goes on."""
    here, clock = tmp_path / "lane.sqlite", SystemClock()
    with SqliteJournal(here, "lane-1") as journal, HttpDesk(desk.address, lane.token) as http:
        outbox = Outbox(journal, http, clock)
        journal.record([Draft("lane.started", {"lane": "lane-1"})], at=clock.now())
        assert outbox.deliver() is DeskContact.REACHED
        back_up(desk, tmp_path / "backup")
        admit(journal, outbox, officer)
    with empty_place(database_kind, tmp_path) as place:
        head = restore(tmp_path / "backup", place)["head"]
        with server.moved_into(place) as moved, HttpDesk(desk.address, lane.token) as http:
            with SqliteJournal(here, "lane-1") as journal:
                journal.record([Draft("lane.started", {"lane": "lane-1"})], at=clock.now())
                assert Outbox(journal, http, clock).deliver() is DeskContact.DESK_LOST
            accept = ["accept-desk", head, "--journal", str(here), "--lane", "lane-1"]
            done = CliRunner().invoke(app, accept)
            assert (done.exit_code, "accepted" in done.stdout) == (0, True)
            with SqliteJournal(here, "lane-1") as journal:
                outbox = Outbox(journal, http, clock)
                assert outbox.deliver() is DeskContact.REACHED
                assert journal.waiting() == 0
                officer.sign_in()
                admit(journal, outbox, officer)
                found = verify_ledger(moved.desk.database, journal.desk_heads())
            assert "lane.recovering" in kinds(moved)
            assert found.head.seq > 0


def admit(journal: SqliteJournal, outbox: Outbox, officer: Officer) -> None:
    """A passenger is referred, an officer admits, the lane opens; without pictures."""
    passage, clock = PassageId(str(uuid4())), SystemClock()
    asked = [
        Draft("passage.started", {"passage": passage}),
        Draft("passage.judged", judged(passage, [], REFERRED)),
    ]
    journal.record(asked, at=clock.now())
    assert outbox.deliver() is DeskContact.REACHED
    officer.claim(passage)
    assert officer.decide(passage).status_code == 200
    decision = outbox.answer(passage, 5)
    assert decision is not None
    done = [
        Draft("passage.decided", {"passage": passage, "decision": to_plain(decision)}),
        Draft("gate.opening", {"passage": passage, "because": "officer", "decision": decision.id}),
        Draft("passage.closed", {"passage": passage, "how": "passed_through"}),
    ]
    journal.record(done, at=clock.now())
    assert outbox.deliver() is DeskContact.REACHED
