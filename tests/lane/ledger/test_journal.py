"""The lane's ledger and outbox on disk: all or nothing, one lane, one process, nobody else's eyes."""

import errno
import fcntl
import hashlib
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from lane.decision.evidence import DeskContact
from lane.decision.passage_states import State
from lane.decision.referral import PassageId
from lane.desk.outbox import Outbox
from lane.ledger.entry import GENESIS, Draft, Head, Picture, read
from lane.ledger.journal import SqliteJournal, Standing
from lane.platform.clock import SkippingClock, SystemClock
from lane.platform.errors import (
    DeskLostError,
    DeskRefusedError,
    JournalError,
    JournalInUseError,
    LedgerBrokenError,
)
from tests.support.lane.simulated_lane import SimulatedDesk, opened

NOW = SystemClock().now()
FACE = Picture(hashlib.sha256(b"\xff\xd8\xff face").hexdigest(), "image/jpeg", b"\xff\xd8\xff face" * 500)


def journal(folder: Path, lane: str = "lane-1") -> SqliteJournal:
    return opened(SqliteJournal(folder / "lane.sqlite", lane))


@pytest.fixture
def here(tmp_path: Path) -> SqliteJournal:
    return journal(tmp_path)


def test_record_survives_restart(tmp_path: Path) -> None:
    first = journal(tmp_path)
    standing = Standing(PassageId("p-1"), State.REFERRED)
    first.record([Draft("a", {"n": 1}), Draft("b", {"n": 2})], at=NOW, standing=standing, pictures=[FACE])
    first.close()
    again = journal(tmp_path)
    waiting_entries = again.pending(9)
    assert [undelivered.entry.kind for undelivered in waiting_entries] == ["a", "b"]
    assert [undelivered.pictures for undelivered in waiting_entries] == [(), (FACE,)]
    assert again.unfinished() == standing


def test_unwritable_fact_leaves_nothing_behind(here: SqliteJournal) -> None:
    with pytest.raises(ValueError, match="JSON"):
        here.record([Draft("good", {}), Draft("bad", {"score": float("nan")})], at=NOW)
    assert list(here.payloads()) == []
    assert here.pending(9) == []


def test_full_disk_is_told_without_effect(here: SqliteJournal) -> None:
    here.record([Draft("before", {})], at=NOW)
    pages = here._db.execute("PRAGMA page_count").fetchone()[0]
    here._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalError, match="full"):
        here.record([Draft("too much", {"text": "x" * 200_000})], at=NOW)
    assert [undelivered.entry.kind for undelivered in here.pending(9)] == ["before"]
    here.verify()


def test_unreadable_disk_is_told(here: SqliteJournal) -> None:
    here.record([Draft("before", {})], at=NOW)
    assert here.newest() == NOW
    here._db.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    for ask in (here.waiting, here.unfinished, here.newest, here.recovered_through):
        with pytest.raises(JournalError, match="cannot be read"):
            ask()
    here._db.set_authorizer(None)
    assert here.waiting() == 1


def test_one_lane_one_journal_one_process(here: SqliteJournal, tmp_path: Path) -> None:
    with pytest.raises(JournalInUseError, match="another process"):
        journal(tmp_path)
    here.close()
    journal(tmp_path).close()


def test_disk_without_locks_is_not_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(JournalError, match="cannot be locked: no locks") as caught:
        journal(tmp_path)
    assert not isinstance(caught.value, JournalInUseError)


def test_another_lanes_journal_is_refused(here: SqliteJournal, tmp_path: Path) -> None:
    here.record([Draft("a", {})], at=NOW)
    here.close()
    with pytest.raises(LedgerBrokenError, match="belongs to chain lane-1"):
        journal(tmp_path, "lane-2")


def test_non_journal_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lane.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerBrokenError, match="not a lane's journal"):
        journal(tmp_path)


def test_unwritable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match="cannot be opened"):
        journal(tmp_path / "file")


def test_start_finds_removed_last_entry(here: SqliteJournal, tmp_path: Path) -> None:
    here.record([Draft("a", {}), Draft("b", {})], at=NOW)
    here.close()
    with closing(sqlite3.connect(tmp_path / "lane.sqlite")) as db, db:
        db.execute("DROP TRIGGER ledger_is_not_shortened")
        db.execute("DELETE FROM outbox")
        db.execute("DELETE FROM ledger WHERE seq = 2")
    with pytest.raises(LedgerBrokenError, match="cut off"):
        journal(tmp_path)


def test_the_ledger_refuses_to_be_changed(here: SqliteJournal) -> None:
    here.record([Draft("a", {})], at=NOW)
    for statement in ("UPDATE ledger SET hash = 'x'", "DELETE FROM ledger"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            here._db.execute(statement)


def test_only_owner_reads_journal(here: SqliteJournal, tmp_path: Path) -> None:
    here.record([Draft("a", {})], at=NOW, pictures=[FACE])
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_delivered_face_leaves_no_bytes(here: SqliteJournal, tmp_path: Path) -> None:
    """On the disk, while the lane runs."""
    here.record([Draft("a", {})], at=NOW, pictures=[FACE])
    here.confirmed(1, Head(1, "a" * 64))
    assert all(b"\xff\xd8\xff" not in path.read_bytes() for path in tmp_path.iterdir())


def test_regressed_desk_is_refused(here: SqliteJournal) -> None:
    here.record([Draft("a", {}), Draft("b", {})], at=NOW)
    heads = [Head(4, "a" * 64), Head(9, "b" * 64)]
    for seq, head in enumerate(heads, 1):
        here.confirmed(seq, head)
    here.record([Draft("c", {})], at=NOW)
    for behind in (Head(3, "c" * 64), Head(9, "c" * 64)):
        with pytest.raises(DeskRefusedError, match="went back"):
            here.confirmed(3, behind)
    assert here.desk_heads() == heads
    assert len(here.pending(9)) == 1, "what was not confirmed stays"


def test_overdue_pictures_are_dropped(here: SqliteJournal, tmp_path: Path) -> None:
    here.record([Draft("passage.judged", {"passage": "p-1"})], at=NOW, pictures=[FACE])
    later = NOW + timedelta(hours=12)
    assert here.drop_pictures(NOW - timedelta(seconds=1), at=later) == 0
    assert here.drop_pictures(NOW, at=later) == 1
    assert here.drop_pictures(NOW, at=later) == 0
    judged, dropped = here.pending(9)
    assert (judged.pictures, judged.dropped) == ((), (FACE.sha256,))
    assert dropped.entry.kind == "pictures.dropped"
    assert dropped.entry.body == {"passage": "p-1", "images": [FACE.sha256], "because": "retention"}
    here.verify()
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert FACE.content[:20] not in on_disk


def test_long_absent_desk_gets_no_pictures(here: SqliteJournal) -> None:
    desk, clock = SimulatedDesk("lane-1"), SkippingClock()
    outbox = Outbox(here, desk, clock)
    desk.fault = DeskLostError("away")
    here.record([Draft("passage.judged", {"passage": "p-1"})], at=clock.now(), pictures=[FACE])
    outbox.deliver()
    assert len(here.pending(9)[0].pictures) == 1
    clock.skip(12 * 3600 + 1)
    outbox.deliver()
    desk.fault = None
    assert outbox.deliver() is DeskContact.REACHED
    assert (desk.pictures, desk.missed) == ({}, {FACE.sha256})
    assert desk.kinds() == ["passage.judged", "pictures.dropped"]


def test_only_person_accepts_regressed_desk(here: SqliteJournal) -> None:
    """The ledger keeps both heads."""
    here.record([Draft("a", {})], at=NOW)
    here.confirmed(1, Head(9, "9" * 64))
    here.record([Draft("b", {})], at=NOW)
    with pytest.raises(DeskRefusedError, match="accept-desk"):
        here.confirmed(2, Head(7, "7" * 64))
    assert here.accept_desk(Head(6, "6" * 64), at=NOW) == Head(9, "9" * 64)
    here.confirmed(2, Head(7, "7" * 64))
    assert here.desk_heads() == [Head(6, "6" * 64), Head(7, "7" * 64)]
    assert here.last("desk.accepted") == {"head": f"6:{'6' * 64}", "instead_of": f"9:{'9' * 64}"}


def test_without_regression_nothing_is_accepted(here: SqliteJournal) -> None:
    here.record([Draft("a", {})], at=NOW)
    here.confirmed(1, Head(9, "9" * 64))
    for head in (Head(9, "9" * 64), Head(10, "a" * 64)):
        with pytest.raises(DeskRefusedError, match="nothing to accept"):
            here.accept_desk(head, at=NOW)
    assert here.last("desk.accepted") is None


def test_retelling_ends_at_lost_desks_head(here: SqliteJournal) -> None:
    here.record([Draft(kind, {}) for kind in "abc"], at=NOW)
    here.confirmed(3, Head(9, "9" * 64))
    here.record([Draft("d", {})], at=NOW)
    assert not here.go_back(GENESIS), "nobody has accepted that desk"
    assert here.waiting() == 1
    here.accept_desk(Head(5, "5" * 64), at=NOW)
    first = read(*next(here.payloads()))
    assert here.go_back(first.head)
    assert [undelivered.entry.seq for undelivered in here.pending(9)] == [2, 3, 4, 5]
    assert here.recovered_through() == 3
    here.confirmed(3, Head(6, "6" * 64))
    assert here.recovered_through() is None
    assert [undelivered.entry.kind for undelivered in here.pending(9)] == ["d", "desk.accepted"]


def test_desk_with_foreign_chain_hears_nothing(here: SqliteJournal) -> None:
    here.record([Draft(kind, {}) for kind in "abc"], at=NOW)
    here.confirmed(3, Head(9, "9" * 64))
    here.accept_desk(Head(5, "5" * 64), at=NOW)
    with pytest.raises(DeskRefusedError, match="another chain"):
        here.go_back(Head(1, "1" * 64))
    assert here.waiting() == 1
