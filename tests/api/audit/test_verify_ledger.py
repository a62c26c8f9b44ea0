"""Whatever is done to the desk's ledger afterwards is found."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean

from api.audit.verify.ledger import verify_ledger
from api.audit.verify.tables import NOT_PROVEN
from api.faces.keyring import Keyring
from api.faces.sealing import KeyFile
from api.lanes import tokens
from api.lanes.recovery import note_restored
from api.ledger import backup, search_index
from api.people import officers
from api.people.roles import Role
from api.platform.database.database import Database, opened
from api.platform.database.tables import Table
from lane.ledger.entry import Head, follow
from lane.platform.errors import LedgerBrokenError
from tests.api.people.test_passkeys import Device, registered
from tests.api.review.test_prepared_cases import prepare
from tests.support import tiers
from tests.support.api.evaluated_lane import alarms, fnmr_alarm
from tests.support.api.running_desk import Lane, Officer, RunningDesk, running, wire
from tests.support.api.sqlite_file import copied

LEDGER = ("seq", "payload", "hash", "lane", "lane_seq", "passage")
OTHER = "2199-01-01 00:00:00.000000"
"""Later than today, whatever day it is: what makes a face stay longer."""
FILLED_BY_LONG_SERVICE = {
    *("lane_commands", "referral_rounds", "holds", "prepared_cases", "tree_heads", "ledger_tiles"),
    *("evaluation_alarms", "quality_alarms", "passkeys", "recoveries"),
}
Change = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database after a short shift: two decisions, a case given back, one that ended, one that is held."""
    path = tmp_path_factory.mktemp("shift")
    with (
        running(path) as desk,
        desk.lane("lane-1") as one,
        desk.lane("lane-2") as two,
        desk.officer() as officer,
        desk.officer("li"),
        desk.officer("zhao"),
        desk.lane("lane-9"),
    ):
        work(one, two, officer)
        with desk.desk.database.write() as session:
            tokens.revoke(session, "lane-9", at=desk.clock())
            officers.disable(session, officers.named(session, "zhao"), at=desk.clock())
    return copied(path / "desk.sqlite3", path / "copy.sqlite3")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database after long service: what a short shift does not bring.

    That is a command, a hold, a second round, a prepared case, alarms of both kinds, a passkey, a restore,
    and a lane that tells again.
    """
    earlier, path = tmp_path_factory.mktemp("earlier"), tmp_path_factory.mktemp("served")
    origin = "http://localhost:8300"
    with (
        running(earlier, origin=origin) as desk,
        desk.lane("lane-1") as lane,
        desk.officer() as officer,
        desk.officer("zhou", Role.SUPERVISOR) as supervisor,
        desk.officer("gu", Role.AUDITOR) as auditor,
    ):
        supervisor.ask("POST", "/lanes/lane-1/command", json={"command": "close"})
        passage = lane.refer()
        officer.claim(passage)
        officer.decide(passage, "repeat_capture", "poor_pictures")
        assert lane.decision(passage)["answer"] == "repeat_capture"
        lane.refer(passage=passage)
        held = auditor.ask("POST", f"/passages/{passage}/hold", json={"reason": "asked for by a court"})
        assert held.status_code in (200, 201), held.text
        prepare(desk)
        desk.do_chores()
        assert registered(officer, Device(origin)).status_code == 201
        desk.clock.pass_time(minutes=61 - desk.clock().minute)  # no hour ends meanwhile
        officer.sign_in()
        fnmr_alarm(desk, lane, officer)
        (alarm,) = alarms(supervisor)
        acknowledged = supervisor.ask("POST", f"/evaluation/alarms/{alarm['id']}/acknowledgement")
        assert acknowledged.status_code == 204, acknowledged.text
        desk.desk.accuracy.update_alarms()
        begun = [lane.write("passage.started", {"passage": f"p-{number}"}) for number in range(100)]
        assert lane.deliver(*begun).status_code == 200, "a tile of the tree is full"
        backup.back_up(desk.desk.database, path / "backup", lambda *_: None)
        lane.deliver(lane.write("lane.started", {"lane": "lane-1"}))
    with closing(Database(path / "desk.sqlite3")) as restored:
        backup.restore(path / "backup", restored, lambda *_: None)
        note_restored(restored, at=desk.clock())
    with running(path) as again, Lane(again.address, "lane-1", lane.token) as lane_again:
        body = {"entries": wire(lane.written[-1]), "recovered_through": lane.head.seq}
        answer = lane_again.http.post("/entries", json=body)
        assert answer.status_code == 200, answer.text
    return copied(path / "desk.sqlite3", path / "copy.sqlite3")


def work(one: Lane, two: Lane, officer: Officer) -> None:
    for lane, answer, ground in ((one, "admit", "same_person"), (two, "second_line", "document_in_doubt")):
        passage = lane.refer()
        officer.claim(passage)
        officer.ask("GET", f"/referrals/{passage}")
        officer.decide(passage, answer, ground, note="边检 ✓ checked the visa page")
    given_back, ended, claimed = one.refer(images=[]), one.refer(images=[]), one.refer()
    officer.claim(given_back)
    officer.ask("DELETE", f"/referrals/{given_back}/claim")
    one.deliver(one.write("passage.closed", {"passage": ended, "how": "interrupted"}))
    officer.ask("DELETE", "/session")
    officer.sign_in()
    officer.claim(claimed)
    officer.claim(claimed)
    officer.ask("PUT", "/lanes/lane-2/uncaptured", json={"wish": "P08"})


def verified(path: Path, *witnessed: Head, whole: bool = True, keys: Path | None = None) -> Head:
    """The verdict on a database; with the folder of its desk, its images are opened too."""
    with closing(Database(path)) as database:
        if keys is None:
            return verify_ledger(database, witnessed, whole=whole).head
        kept = Database(keys / "desk.sqlite3.keys", only_read=True)
        with closing(Keyring(kept, KeyFile(keys / "desk.sqlite3.kek"))) as keyring:
            return verify_ledger(database, witnessed, whole=whole, keyring=keyring).head


def after(path: Path, change: Change, *witnessed: Head, whole: bool = True) -> Head:
    """The verdict on a copy that somebody with write access has changed."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "changed.sqlite3"
        shutil.copyfile(path, copy)
        with closing(sqlite3.connect(copy)) as raw, raw:
            triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                raw.execute(f"DROP TRIGGER {name}")
            change(raw)
            for _, sql in triggers:
                raw.execute(sql)
        return verified(copy, *witnessed, whole=whole, keys=path.parent)


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as raw:
        return int(raw.execute("SELECT count(*) FROM ledger").fetchone()[0])


@pytest.mark.parametrize("shift", ["ledger", "served"])
def test_an_honest_ledger_is_verified(shift: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(shift)
    assert verified(path).seq == rows(path)
    assert after(path, lambda raw: None).seq == rows(path)


def test_ledger_holds_every_kind_of_fact(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as raw:
        kinds = {json.loads(payload)["kind"] for (payload,) in raw.execute("SELECT payload FROM ledger")}
    staff = {"officer.added", "officer.disabled", "officer.signed_in", "officer.signed_out", "shift.started"}
    lanes = {"entry.received", "lane.added", "lane.revoked", "lane.requested"}
    cases = {"claimed", "judged_blind", "revealed", "decided", "released", "shown"}
    assert kinds == {"ledger.key", *staff, *lanes, *(f"referral.{kind}" for kind in cases)}


def test_ledger_holds_no_name_or_note(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as raw:
        text = "".join(payload for (payload,) in raw.execute("SELECT payload FROM ledger"))
    assert "wang" not in text
    assert "visa" not in text
    assert "officer-" in text


@settings(max_examples=tiers.examples(100), deadline=None)
@given(data=st.data())
def test_any_changed_bit_in_ledger_found(ledger: Path, data: st.DataObject) -> None:
    seq = data.draw(st.integers(1, rows(ledger)))
    column = data.draw(st.sampled_from(LEDGER))
    with pytest.raises(LedgerBrokenError):
        after(ledger, lambda raw: flip(raw, data, "ledger", column, f"seq = {seq}"))


@settings(max_examples=tiers.examples(60), deadline=None)
@given(data=st.data())
def test_hashes_find_any_changed_entry_bit(ledger: Path, data: st.DataObject) -> None:
    """By the hashes alone, without a signature."""
    seq = data.draw(st.integers(1, rows(ledger)))
    column = data.draw(st.sampled_from(["seq", "payload", "hash"]))
    with pytest.raises(LedgerBrokenError):
        after(ledger, lambda raw: flip(raw, data, "ledger", column, f"seq = {seq}"), whole=False)


@settings(max_examples=tiers.examples(60), deadline=None)
@given(data=st.data())
def test_hashes_find_removed_moved_inserted_entries(ledger: Path, data: st.DataObject) -> None:
    """By the hashes alone, without a signature."""
    end = rows(ledger)
    one, other = data.draw(st.lists(st.integers(1, end), min_size=2, max_size=2, unique=True))
    what = data.draw(st.sampled_from(["remove", "move", "insert"]))

    def change(raw: sqlite3.Connection) -> None:
        raw.execute("DROP INDEX ix_ledger_lane_lane_seq")
        if what == "remove":
            raw.execute("DELETE FROM ledger WHERE seq = ?", (one,))
            raw.execute("UPDATE ledger SET seq = -seq WHERE seq > ?", (one,))
            raw.execute("UPDATE ledger SET seq = -seq - 1 WHERE seq < 0")
        elif what == "move":
            for old, new in ((one, -1), (other, one), (-1, other)):
                raw.execute("UPDATE ledger SET seq = ? WHERE seq = ?", (new, old))
        else:
            raw.execute("UPDATE ledger SET seq = -seq WHERE seq >= ?", (one,))
            raw.execute("UPDATE ledger SET seq = -seq + 1 WHERE seq < 0")
            raw.execute(
                "INSERT INTO ledger (seq, payload, hash) SELECT ?, payload, hash FROM ledger WHERE seq > ? "
                "ORDER BY seq LIMIT 1",
                (one, one),
            )
        raw.execute("UPDATE ledger_head SET seq = (SELECT max(seq) FROM ledger)")

    with pytest.raises(LedgerBrokenError):
        after(ledger, change, whole=False)


@settings(max_examples=tiers.examples(40), deadline=None)
@given(data=st.data())
def test_any_changed_bit_in_head_found(ledger: Path, data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(["chain", "seq", "hash"]))
    with pytest.raises(LedgerBrokenError):
        after(ledger, lambda raw: flip(raw, data, "ledger_head", column, "1 = 1"))


@settings(max_examples=tiers.examples(30), deadline=None)
@given(data=st.data())
def test_any_removed_entry_is_found(ledger: Path, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, rows(ledger)))
    last = data.draw(st.integers(first, rows(ledger)))
    with pytest.raises(LedgerBrokenError):
        after(ledger, lambda raw: raw.execute("DELETE FROM ledger WHERE seq BETWEEN ? AND ?", (first, last)))


@settings(max_examples=tiers.examples(30), deadline=None)
@given(data=st.data())
def test_any_two_swapped_entries_are_found(ledger: Path, data: st.DataObject) -> None:
    one = data.draw(st.integers(1, rows(ledger) - 1))
    other = data.draw(st.integers(one + 1, rows(ledger)))

    def swap(raw: sqlite3.Connection) -> None:
        raw.execute("DROP INDEX ix_ledger_lane_lane_seq")
        for old, new in ((one, -1), (other, one), (-1, other)):
            raw.execute("UPDATE ledger SET seq = ? WHERE seq = ?", (new, old))

    with pytest.raises(LedgerBrokenError):
        after(ledger, swap)


@settings(max_examples=tiers.examples(20), deadline=None)
@given(data=st.data())
def test_witness_finds_cut_tail(ledger: Path, data: st.DataObject) -> None:
    """Even where its head row was cut off too."""
    end = verified(ledger)
    kept = data.draw(st.integers(0, end.seq - 1))
    with pytest.raises(LedgerBrokenError, match="cut off"):
        after(ledger, lambda raw: cut(raw, kept), end)


def test_wrong_witness_is_believed_over_ledger(ledger: Path) -> None:
    with pytest.raises(LedgerBrokenError, match="witnessed"):
        verified(ledger, Head(3, "0" * 64))


def columns() -> list[tuple[str, str]]:
    return [(table.name, column.name) for table in Table.metadata.sorted_tables for column in table.columns]


@tiers.parametrize("rows", (1, 5), quick=1)
@pytest.mark.parametrize(("table", "column"), columns())
def test_every_column_proven_or_named_unproven(
    ledger: Path, served: Path, table: str, column: str, rows: int
) -> None:
    """Whoever adds a column compares it with the ledger, or says to all that nobody does."""
    ledger = served if table in FILLED_BY_LONG_SERVICE else ledger

    def change(row: int, raw: sqlite3.Connection) -> None:
        (kept,) = raw.execute(f'SELECT "{column}" FROM {table} WHERE rowid = ?', [row]).fetchone()
        is_flag = isinstance(Table.metadata.tables[table].c[column].type, Boolean)
        number = 1 - kept if is_flag else kept + 10**6 if isinstance(kept, int) else None
        other = number if number is not None else b"other" if isinstance(kept, bytes) else OTHER
        raw.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', [other, row])

    with closing(sqlite3.connect(ledger)) as raw:
        some = [row for (row,) in raw.execute(f"SELECT rowid FROM {table} ORDER BY rowid LIMIT {rows}")]
    if table in NOT_PROVEN or f"{table}.{column}" in NOT_PROVEN:
        return
    assert some, "nothing is shown of a table that is empty"
    for row in some:
        with pytest.raises(LedgerBrokenError):
            after(ledger, partial(change, row))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE referrals SET answer = 'admit', ground = 'same_person' WHERE answer = 'second_line'",
        "UPDATE referrals SET note = 'nothing was said' WHERE note IS NOT NULL",
        "UPDATE referrals SET decision = NULL",
        "UPDATE referrals SET decided_by = NULL WHERE decision IS NOT NULL",
        "UPDATE lanes SET head_seq = head_seq - 1",
        "DELETE FROM lanes",
        "DROP TABLE ledger_head",
        "UPDATE referrals SET decided_at = 'long ago' WHERE decision IS NOT NULL",
        "UPDATE referrals SET claimed_until = '2099-01-01 00:00:00.000000' WHERE decision IS NOT NULL",
        "DELETE FROM referrals WHERE decision IS NULL",
        "INSERT INTO referrals (passage, lane, opened_at, gravity, judged, shown) SELECT 'p-x', lane, "
        "opened_at, gravity, judged, shown FROM referrals LIMIT 1",
        "UPDATE referrals SET judged = replace(judged, 'F09', 'D11')",
        "UPDATE referrals SET judged = replace(judged, '\"live\"', '\"document\"')",
        "UPDATE referrals SET judged = '{}'",
        "UPDATE referrals SET lane = 'lane-2' WHERE lane = 'lane-1'",
        "UPDATE referrals SET opened_at = '2026-01-01 00:00:00.000000'",
        "UPDATE referrals SET gravity = 0",
        "UPDATE referrals SET ended = 'passed_through' WHERE decision IS NULL",
        "UPDATE referrals SET ended = NULL",
        "UPDATE referrals SET claimed_by = (SELECT pseudonym FROM officers WHERE name = 'li') "
        "WHERE decision IS NULL",
        "UPDATE referrals SET shown = NOT shown",
        "UPDATE images SET sealed = x'ffd8ff00'",
        "UPDATE images SET sealed = x'ffd8ff00' WHERE sha256 IN (SELECT sha256 FROM images, referrals "
        "WHERE decision IS NOT NULL AND instr(judged, sha256))",
        "UPDATE images SET sealed = (SELECT sealed FROM images other WHERE other.passage <> images.passage)",
        "UPDATE images SET sealed = NULL",
        "DELETE FROM images",
        "UPDATE faces SET erased_at = last_at, because = 'retention'",
        "INSERT INTO holds (passage, placed_by, placed_at, reason) "
        "SELECT passage, 'officer-x', last_at, 'no reason' FROM faces LIMIT 1",
        "UPDATE lanes SET token_sha256 = '00' WHERE id = 'lane-1'",
        "UPDATE lanes SET token_sha256 = 'revoked 00' WHERE id = 'lane-1'",
        "INSERT INTO lanes (id, token_sha256, added_at, head_seq, head_hash) "
        "SELECT 'lane-3', '00', added_at, 0, head_hash FROM lanes LIMIT 1",
        "INSERT INTO officers (pseudonym, name, password_hash, added_at) "
        "SELECT 'officer-x', 'eve', password_hash, added_at FROM officers LIMIT 1",
        "UPDATE officers SET role = 'supervisor' WHERE name = 'li'",
        "UPDATE officers SET duties = 'diplomatic' WHERE name = 'li'",
        "DELETE FROM officers WHERE name = 'li'",
        "UPDATE officers SET password_hash = 'disabled' WHERE name = 'li'",
        "UPDATE officers SET password_hash = 'anything' WHERE name = 'zhao'",
        "UPDATE officers SET password_hash = (SELECT password_hash FROM officers WHERE name = 'wang')",
        "UPDATE officers SET name = 'mallory' WHERE name = 'li'",
        "UPDATE officers SET external_sha256 = 'eve' WHERE name = 'li'",
        "DELETE FROM ledger_terms",
        "DELETE FROM ledger_terms WHERE seq = (SELECT max(seq) FROM ledger_terms)",
        "UPDATE ledger_terms SET term = 'reason F01' WHERE term = 'reason F09'",
        "UPDATE referrals SET decision = passage WHERE decision IS NULL",
        "UPDATE faces SET passage = 'x' || passage",
        "INSERT INTO ledger_terms VALUES (1, 'started', 'p-x', NULL)",
        "INSERT INTO ledger_terms VALUES (99999, 'started', 'p-x', NULL)",
        "UPDATE faces SET last_at = '2199-01-01 00:00:00.000000'",
        "UPDATE faces SET closed_how = 'passed_through'",
        "INSERT INTO holds (passage, placed_by, placed_at, reason, lifted_by, lifted_at, lift_reason) "
        "SELECT passage, 'officer-x', last_at, 'none', 'officer-x', last_at, 'none' FROM faces LIMIT 1",
    ],
)
def test_tables_contradicting_ledger_are_found(ledger: Path, statement: str) -> None:
    with pytest.raises(LedgerBrokenError):
        after(ledger, lambda raw: raw.execute(statement))


def test_hold_that_stands_twice_is_found(served: Path) -> None:
    twice = (
        "INSERT INTO holds (passage, placed_by, placed_at, reason) "
        "SELECT passage, placed_by, placed_at, reason FROM holds WHERE lifted_at IS NULL"
    )
    with pytest.raises(LedgerBrokenError, match="its legal holds are not what the ledger says"):
        after(served, lambda raw: raw.execute(twice))


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER ledger_refuses_update",
        "DROP TRIGGER ledger_refuses_delete",
        "DROP TRIGGER ledger_refuses_update; CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON ledger "
        "BEGIN SELECT 1; END",
    ],
)
def test_ledger_not_append_only_is_found(ledger: Path, tmp_path: Path, statement: str) -> None:
    copy = tmp_path / "changed.sqlite3"
    shutil.copyfile(ledger, copy)
    with closing(sqlite3.connect(copy)) as raw:
        raw.executescript(statement)
    with pytest.raises(LedgerBrokenError, match="append-only"):
        verified(copy)


SELF_MADE = {
    "officer": "officer-x",
    "credentials_sha256": "0" * 64,
    "role": "administrator",
    "duties": "",
    "by": "officer-x",
}
"""An administrator whom nobody but this administrator registered."""


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("referral.decided", {}),
        ("referral.decided", {"answer": "second_line", "ground": "cannot_tell"}),
        ("referral.claimed", {}),
        ("referral.released", {}),
        ("referral.shown", {"officer": "officer-x"}),
        ("officer.signed_in", {"officer": "officer-x"}),
        ("officer.added", {}),
        ("officer.added", SELF_MADE),
        ("officer.disabled", {"officer": "officer-x"}),
        ("officer.role_set", {"role": "supervisor", "by": "officer-x"}),
        ("officer.role_set", {"role": "captain", "by": "command line"}),
        ("officer.duties_set", {"officer": "officer-x", "duties": "", "by": "command line"}),
        ("officer.password_set", {"officer": "officer-x", "credentials_sha256": "0", "by": "officer-x"}),
        ("officer.session_ended", {"officer": "officer-x", "by": "officer-x"}),
        ("lane.added", {"lane": "lane-1", "token_sha256": "0" * 64}),
        ("lane.revoked", {"lane": "lane-9"}),
        ("anything.at_all", {}),
        ("entry.received", {"chain": "lane-1"}),
    ],
)
def test_dishonest_entry_is_found(ledger: Path, kind: str, change: dict[str, Any]) -> None:
    """Put at the end with a right hash and the head row in step, about a case that was decided."""

    def forge(raw: sqlite3.Connection) -> None:
        body = decided_body(raw)
        decision = body["decision"] | {key: change[key] for key in change if key in body["decision"]}
        append(raw, kind, body | {"officer": decision["officer"]} | change | {"decision": decision})

    with pytest.raises(LedgerBrokenError, match=f"entry {rows(ledger) + 1}: "):
        after(ledger, forge)


@pytest.mark.parametrize("officer", ["li", "zhao"])
@pytest.mark.parametrize("wanted", ["UNCLAIMED", "CLAIMED"])
def test_decision_without_claim_is_found(ledger: Path, officer: str, wanted: str) -> None:
    """By an officer who did not claim the case."""

    def forge(raw: sqlite3.Connection) -> None:
        (who,) = raw.execute("SELECT pseudonym FROM officers WHERE name = ?", (officer,)).fetchone()
        (passage,) = raw.execute(
            "SELECT passage FROM referrals WHERE decision IS NULL AND ended IS NULL AND claimed_by IS "
            + ("NULL" if wanted == "UNCLAIMED" else "NOT NULL")
        ).fetchone()
        at = datetime.now(UTC)
        body = decided_body(raw)
        decision = body["decision"] | {"id": "d-1", "passage": passage, "officer": who}
        body |= {"passage": passage, "decision": decision | {"decided_at": at.isoformat()}}
        append(raw, "referral.decided", body | {"claimed_until": "2099-01-01T00:00:00+00:00"}, at)

    with pytest.raises(LedgerBrokenError, match="without having claimed"):
        after(ledger, forge)


def test_clock_set_back_is_no_fault(ledger: Path, tmp_path: Path) -> None:
    """It is told all the same."""
    copy = tmp_path / "late.sqlite3"
    shutil.copyfile(ledger, copy)
    with closing(sqlite3.connect(copy)) as raw, raw:
        (who,) = raw.execute("SELECT pseudonym FROM officers WHERE name = 'li'").fetchone()
        append(raw, "officer.signed_in", {"officer": who}, datetime(2020, 1, 1, tzinfo=UTC))
    with opened(copy) as database:
        assert verify_ledger(database).set_back == (rows(ledger) + 1,)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("passage.decided", {"decision": "as it is"}),
        ("gate.opening", {"because": "officer", "decision": "d-9"}),
    ],
)
def test_lane_acting_on_ungiven_decision_found(
    desk: RunningDesk, lane: Lane, officer: Officer, kind: str, told: dict[str, Any]
) -> None:
    decided, waiting = lane.refer(images=[]), lane.refer(images=[])
    officer.claim(decided)
    given = officer.decide(decided).json()["decision"]
    assert lane.decision(decided) == given
    honest = [
        lane.write("passage.decided", {"passage": decided, "decision": given}),
        lane.write("gate.opening", {"passage": decided, "because": "officer", "decision": given["id"]}),
    ]
    assert lane.deliver(*honest).status_code == 200
    assert verify_ledger(desk.desk.database).head.seq > 0
    ghost = {"passage": waiting, "decision": given | {"passage": waiting}} | told
    lane.deliver(lane.write(kind, ghost))
    with pytest.raises(LedgerBrokenError, match="no officer gave"):
        verify_ledger(desk.desk.database)


@pytest.mark.parametrize("entry", [True, False])
def test_forged_table_decision_never_reaches_lane(
    desk: RunningDesk, lane: Lane, officer: Officer, entry: bool
) -> None:
    passage = lane.refer(images=[])
    officer.claim(passage)
    if entry:
        officer.decide(passage, "second_line", "cannot_tell")
    with closing(sqlite3.connect(desk.file)) as raw, raw:
        raw.execute(
            "UPDATE referrals SET decision = 'd-9', answer = 'admit', ground = 'same_person', "
            "decided_by = claimed_by, decided_at = '2026-11-24 10:00:00.000000'"
        )
    answer = lane.http.get(f"/passages/{passage}/decision")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "d-9" not in answer.text


def test_removed_table_decision_is_not_redecided(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer(images=[])
    officer.claim(passage)
    officer.decide(passage, "second_line", "cannot_tell")
    with closing(sqlite3.connect(desk.file)) as raw, raw:
        raw.execute("UPDATE referrals SET decision = NULL")
    officer.claim(passage)
    assert officer.decide(passage).status_code == 500
    assert lane.http.get(f"/passages/{passage}/decision").status_code == 500


@pytest.mark.parametrize("change", ["UPDATE ledger SET hash = hash", "DELETE FROM ledger"])
def test_database_refuses_to_change_entry(ledger: Path, change: str) -> None:
    with closing(sqlite3.connect(ledger)) as raw, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change)


def test_decision_and_entry_share_transaction(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    officer.judge(passage)
    officer.ask("GET", f"/referrals/{passage}")
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    assert officer.decide(passage).status_code == 500
    assert lane.decision(passage) is None
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql("DROP TRIGGER full")
    assert officer.decide(passage).status_code == 200
    assert verify_ledger(desk.desk.database).head.seq > 0


def decided_body(raw: sqlite3.Connection) -> dict[str, Any]:
    """The body of a `referral.decided`: admit."""
    (payload,) = raw.execute(
        'SELECT payload FROM ledger WHERE payload LIKE \'%"kind":"referral.decided"%\' ORDER BY seq LIMIT 1'
    ).fetchone()
    return dict(json.loads(payload)["body"])


def append(raw: sqlite3.Connection, kind: str, body: dict[str, Any], at: datetime | None = None) -> None:
    """Put an entry at the end as somebody would who knows how a chain is made."""
    end = Head(*raw.execute("SELECT seq, hash FROM ledger_head").fetchone())
    entry = follow(end, chain="desk", at=at or datetime.now(UTC), kind=kind, body=body)
    row = (entry.seq, entry.payload, entry.hash, body.get("passage"))
    raw.execute("INSERT INTO ledger (seq, payload, hash, passage) VALUES (?, ?, ?, ?)", row)
    found_by = "INSERT INTO ledger_terms (seq, term, passage, lane) VALUES (:seq, :term, :passage, :lane)"
    raw.executemany(found_by, search_index.terms_of(entry, None))
    raw.execute("UPDATE ledger_head SET seq = ?, hash = ?", (entry.seq, entry.hash))


def flipped(stored: object, data: st.DataObject) -> object:
    """The stored value with one bit changed; where there was none, a value."""
    if stored is None:
        return data.draw(st.sampled_from(["", "x", 0, 1]))
    if isinstance(stored, int):
        return stored ^ (1 << data.draw(st.integers(0, 40)))
    content = bytearray(str(stored).encode())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    return bytes(content)


def flip(raw: sqlite3.Connection, data: st.DataObject, table: str, column: str, where: str) -> None:
    """Change one bit; bytes are stored as text, valid or not, as a change of the file would."""
    value = flipped(raw.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()[0], data)
    text = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
    raw.execute("DROP INDEX IF EXISTS ix_ledger_lane_lane_seq")
    raw.execute(f"UPDATE OR REPLACE {table} SET {column} = {text} WHERE {where}", (value,))


def cut(raw: sqlite3.Connection, kept: int) -> None:
    """Cut off a tail, as somebody would who knows of the head row and of the other tables."""
    raw.execute("DELETE FROM ledger_terms WHERE seq > ?", (kept,))
    raw.execute("DELETE FROM ledger WHERE seq > ?", (kept,))
    (hash_,) = raw.execute("SELECT hash FROM ledger WHERE seq = ?", (kept,)).fetchone() or ("0" * 64,)
    raw.execute("UPDATE ledger_head SET seq = ?, hash = ?", (kept, hash_))
    raw.execute("UPDATE referrals SET decision = NULL")
    raw.execute("UPDATE lanes SET head_seq = 0, head_hash = ?", ("0" * 64,))
    for lane, head_seq, payload in raw.execute(
        "SELECT lane, max(lane_seq), payload FROM ledger GROUP BY lane"
    ):
        if lane:
            inner = json.loads(payload)["body"]["hash"]
            raw.execute("UPDATE lanes SET head_seq = ?, head_hash = ? WHERE id = ?", (head_seq, inner, lane))
