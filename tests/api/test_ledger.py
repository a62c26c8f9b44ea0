"""Whatever is done to the desk's ledger afterwards is found."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.store.database import Database
from api.store.verify import verify_ledger
from lane.errors import LedgerBrokenError
from lane.ledger import Head
from tests.api.desks import Lane, Officer, RunningDesk, running

LEDGER = ("seq", "payload", "hash", "lane", "lane_seq", "passage")
Change = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database after a short shift: two lanes, two decisions, a note, a case given back."""
    path = tmp_path_factory.mktemp("shift")
    with (
        running(path) as desk,
        desk.lane("lane-1") as one,
        desk.lane("lane-2") as two,
        desk.officer() as officer,
    ):
        work(one, two, officer)
    copy = path / "copy.sqlite3"
    with closing(sqlite3.connect(path / "desk.sqlite3")) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def work(one: Lane, two: Lane, officer: Officer) -> None:
    for lane, answer, ground in ((one, "admit", "same_person"), (two, "second_line", "document_in_doubt")):
        passage = lane.refer()
        officer.claim(passage)
        officer.ask("GET", f"/referrals/{passage}")
        officer.decide(passage, answer, ground, note="边检 ✓ checked the visa page")
    given_back = one.refer(images=[])
    officer.claim(given_back)
    officer.ask("DELETE", f"/referrals/{given_back}/claim")
    officer.ask("DELETE", "/session")


def verified(path: Path, *witnessed: Head) -> Head:
    database = Database(path)
    try:
        return verify_ledger(database, witnessed)
    finally:
        database.close()


def after(path: Path, change: Change, *witnessed: Head) -> Head:
    """The verdict on a copy that somebody with write access has changed."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "changed.sqlite3"
        shutil.copyfile(path, copy)
        with closing(sqlite3.connect(copy)) as raw, raw:
            for trigger in ("ledger_refuses_update", "ledger_refuses_delete"):
                raw.execute(f"DROP TRIGGER {trigger}")
            change(raw)
        return verified(copy, *witnessed)


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as raw:
        return int(raw.execute("SELECT count(*) FROM ledger").fetchone()[0])


def test_an_honest_ledger_is_verified(ledger: Path) -> None:
    assert verified(ledger).seq == rows(ledger)
    assert after(ledger, lambda raw: None).seq == rows(ledger)


def test_every_kind_of_fact_is_in_the_ledger(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as raw:
        kinds = {json.loads(payload)["kind"] for (payload,) in raw.execute("SELECT payload FROM ledger")}
    assert kinds == {
        "entry.received",
        "officer.signed_in",
        "officer.signed_out",
        "referral.claimed",
        "referral.decided",
        "referral.released",
        "referral.shown",
    }


def test_the_ledger_holds_neither_a_name_nor_a_note(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as raw:
        text = "".join(payload for (payload,) in raw.execute("SELECT payload FROM ledger"))
    assert "wang" not in text
    assert "visa" not in text
    assert "officer-" in text


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_bit_changed_in_the_ledger_is_found(ledger: Path, data: st.DataObject) -> None:
    seq = data.draw(st.integers(1, rows(ledger)))
    column = data.draw(st.sampled_from(LEDGER))

    def change(raw: sqlite3.Connection) -> None:
        (stored,) = raw.execute(f"SELECT {column} FROM ledger WHERE seq = ?", (seq,)).fetchone()
        put(raw, "ledger", column, flipped(stored, data), f"seq = {seq}")

    with pytest.raises(LedgerBrokenError):
        after(ledger, change)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_bit_changed_in_the_head_row_is_found(ledger: Path, data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(["chain", "seq", "hash"]))

    def change(raw: sqlite3.Connection) -> None:
        (stored,) = raw.execute(f"SELECT {column} FROM ledger_head").fetchone()
        put(raw, "ledger_head", column, flipped(stored, data), "1 = 1")

    with pytest.raises(LedgerBrokenError):
        after(ledger, change)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_removed_entry_is_found(ledger: Path, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, rows(ledger)))
    last = data.draw(st.integers(first, rows(ledger)))
    with pytest.raises(LedgerBrokenError):
        after(ledger, lambda raw: raw.execute("DELETE FROM ledger WHERE seq BETWEEN ? AND ?", (first, last)))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_two_entries_that_changed_places_are_found(ledger: Path, data: st.DataObject) -> None:
    one = data.draw(st.integers(1, rows(ledger) - 1))
    other = data.draw(st.integers(one + 1, rows(ledger)))

    def swap(raw: sqlite3.Connection) -> None:
        raw.execute("DROP INDEX ix_ledger_lane_lane_seq")
        for old, new in ((one, -1), (other, one), (-1, other)):
            raw.execute("UPDATE ledger SET seq = ? WHERE seq = ?", (new, old))

    with pytest.raises(LedgerBrokenError):
        after(ledger, swap)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_tail_that_is_cut_off_with_its_head_row_is_found_by_a_witness(
    ledger: Path, data: st.DataObject
) -> None:
    end = verified(ledger)
    kept = data.draw(st.integers(0, end.seq - 1))
    with pytest.raises(LedgerBrokenError):
        after(ledger, lambda raw: cut(raw, kept), end)


def test_a_wrong_witness_is_believed_over_the_ledger(ledger: Path) -> None:
    with pytest.raises(LedgerBrokenError, match="witnessed"):
        verified(ledger, Head(3, "0" * 64))


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
    ],
)
def test_tables_that_say_something_else_than_the_ledger_are_found(ledger: Path, statement: str) -> None:
    with pytest.raises(LedgerBrokenError):
        after(ledger, lambda raw: raw.execute(statement))


@pytest.mark.parametrize("change", ["UPDATE ledger SET hash = hash", "DELETE FROM ledger"])
def test_the_database_itself_refuses_to_change_an_entry(ledger: Path, change: str) -> None:
    with closing(sqlite3.connect(ledger)) as raw, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change)


def test_a_decision_and_its_entry_are_one_transaction(
    desk: RunningDesk, lane: Lane, officer: Officer
) -> None:
    passage = lane.refer()
    officer.claim(passage)
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    assert officer.decide(passage).status_code == 500
    assert lane.decision(passage) is None
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql("DROP TRIGGER full")
    assert officer.decide(passage).status_code == 200
    assert verify_ledger(desk.desk.database).seq > 0


def flipped(stored: object, data: st.DataObject) -> object:
    """The stored value with one bit changed; where there was none, a value."""
    if stored is None:
        return data.draw(st.sampled_from(["", "x", 0, 1]))
    if isinstance(stored, int):
        return stored ^ (1 << data.draw(st.integers(0, 40)))
    content = bytearray(str(stored).encode())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    return bytes(content)


def put(raw: sqlite3.Connection, table: str, column: str, value: object, where: str) -> None:
    """Store bytes as text, valid or not, as a change of the file would."""
    text = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
    raw.execute("DROP INDEX IF EXISTS ix_ledger_lane_lane_seq")
    raw.execute(f"UPDATE OR REPLACE {table} SET {column} = {text} WHERE {where}", (value,))


def cut(raw: sqlite3.Connection, kept: int) -> None:
    """Cut off a tail, as somebody would who knows of the head row and of the other tables."""
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
