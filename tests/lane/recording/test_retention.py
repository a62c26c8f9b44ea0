"""What shows a face is erased in time, the ledger says so, and what is not the lane's stays."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lane.capture.measuring import Measurer
from lane.decision.evidence import DeskContact
from lane.decision.policy import Policy
from lane.desk.outbox import Outbox
from lane.ledger.clock_check import Timekeeper
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import SkippingClock
from lane.platform.errors import DeskLostError
from lane.recording.retention import EVERY_S, FIRST_AFTER_S, Retention
from lane.service.build import build_retention
from lane.service.inspection import _retention
from lane.service.settings import read as read_settings
from tests.lane.ledger.test_journal import FACE
from tests.support.lane.simulated_lane import LANE, SetClock, SimulatedDesk, hall, opened


def recorded(folder: Path, at: datetime, *, end: str = ".recording") -> str:
    """A file as `lane record` names it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{at:%Y%m%dT%H%M%S}-0123abcd{end}"
    path.write_bytes(b"sealed")
    return path.name


def lane(
    folder: Path, clock: SkippingClock, timekeeper: Timekeeper | None = None
) -> tuple[SqliteJournal, Retention]:
    """A minute after its start."""
    settings = read_settings(journal=folder / "lane.sqlite", retention={"recordings_for_days": 30})
    journal = opened(SqliteJournal(settings.journal, LANE))
    retention = build_retention(settings, journal, clock, timekeeper)
    clock.skip(FIRST_AFTER_S)
    return journal, retention


def left(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def test_old_recordings_are_erased_and_recorded(tmp_path: Path) -> None:
    """Also those cut off; the ledger names them."""
    clock, folder = SkippingClock(), tmp_path / "recordings"
    journal, retention = lane(tmp_path, clock)
    now = clock.now()
    old = recorded(folder, now - timedelta(days=31))
    cut = recorded(folder, now - timedelta(days=40), end=".recording.part")
    new = recorded(folder, now - timedelta(days=29))
    retention.note(folder)
    retention.erase_expired()
    assert left(folder) == {new}
    assert journal.last("recordings.erased") == {"recordings": [cut, old], "because": "retention"}


def test_running_lane_looks_hourly(tmp_path: Path) -> None:
    clock, folder = SkippingClock(), tmp_path / "recordings"
    _, retention = lane(tmp_path, clock)
    name = recorded(folder, clock.now() - timedelta(days=30) + timedelta(seconds=EVERY_S / 2))
    retention.note(folder)
    retention.erase_expired()
    clock.skip(EVERY_S * 0.9)
    retention.erase_expired()
    assert left(folder) == {name}, "it is no hour yet"
    clock.skip(EVERY_S * 0.2)
    retention.erase_expired()
    assert left(folder) == set()


def test_doubted_clock_erases_nothing(tmp_path: Path) -> None:
    """By a clock that was set, nothing is too old until the desk's agrees."""
    clock, folder = SetClock(), tmp_path / "recordings"
    timekeeper = Timekeeper(clock)
    journal, retention = lane(tmp_path, clock, timekeeper)
    outbox = Outbox(journal, SimulatedDesk(LANE, fault=DeskLostError("away")), clock, timekeeper=timekeeper)
    journal.record([Draft("passage.judged", {"passage": "p-1"})], at=clock.now(), pictures=[FACE])
    name, right = recorded(folder, clock.now()), clock.now()
    retention.note(folder)
    clock.set_by = timedelta(days=3000)
    for _ in range(3):
        retention.erase_expired()
        assert outbox.deliver() is DeskContact.DESK_LOST
        clock.skip(EVERY_S)
    assert left(folder) == {name}
    assert journal.pending(9)[0].pictures
    clock.set_by = timedelta()
    timekeeper.note_desk(right + timedelta(seconds=3 * EVERY_S))
    clock.skip(31 * 86400)
    retention.erase_expired()
    assert left(folder) == set()
    assert not journal.pending(9)[0].pictures


def test_desk_time_comes_before_erasing(tmp_path: Path) -> None:
    """A lane hears what time it is before anything is too old."""
    clock, folder = SetClock(), tmp_path / "recordings"
    right = clock.now()
    clock.set_by = timedelta(days=3000)
    timekeeper = Timekeeper(clock)
    settings = read_settings(journal=tmp_path / "lane.sqlite")
    retention = build_retention(settings, opened(SqliteJournal(settings.journal, LANE)), clock, timekeeper)
    name = recorded(folder, right)
    retention.note(folder)
    retention.erase_expired()
    timekeeper.note_desk(right)
    clock.skip(FIRST_AFTER_S)
    retention.erase_expired()
    assert left(folder) == {name}


def test_recording_folders_survive_restart(tmp_path: Path) -> None:
    clock, folder = SkippingClock(), tmp_path / "recordings"
    journal, retention = lane(tmp_path, clock)
    recorded(folder, clock.now() - timedelta(days=90))
    retention.note(tmp_path / "gone")
    retention.note(folder)
    retention.note(folder)
    journal.close()
    again, retention = lane(tmp_path, clock)
    assert again.recordings_in() == sorted([str(folder), str(tmp_path / "gone")])
    retention.erase_expired()
    assert left(folder) == set()


def test_what_is_not_the_lanes_stays(tmp_path: Path) -> None:
    clock, folder = SkippingClock(), tmp_path / "recordings"
    journal, retention = lane(tmp_path, clock)
    long_ago = clock.now() - timedelta(days=400)
    recorded(folder, long_ago, end=".recording.txt")
    (folder / "notes").write_text("by hand", encoding="utf-8")
    (folder / "99999999T999999-0123abcd.recording").write_bytes(b"no date")
    (folder / f"{long_ago:%Y%m%dT%H%M%S}-ffffffff.recording").symlink_to(folder / "notes")
    before = left(folder)
    retention.note(folder)
    retention.erase_expired()
    assert left(folder) == before
    assert journal.last("recordings.erased") is None


def test_unerasable_recording_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, folder = SkippingClock(), tmp_path / "recordings"
    journal, retention = lane(tmp_path, clock)
    recorded(folder, clock.now() - timedelta(days=31))
    retention.note(folder)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as held:
        held.setattr(Path, "unlink", refuse)
        retention.erase_expired()
    assert "cannot be erased" in caplog.text
    assert journal.last("recordings.erased") is None, "what lies there still is not told to be gone"
    clock.skip(EVERY_S)
    retention.erase_expired()
    assert left(folder) == set()


def test_idle_lane_drops_waiting_pictures(tmp_path: Path) -> None:
    clock = SkippingClock()
    journal, retention = lane(tmp_path, clock)
    journal.record([Draft("passage.judged", {"passage": "p-1"})], at=clock.now(), pictures=[FACE])
    retention.erase_expired()
    assert journal.pending(9)[0].pictures
    clock.skip(12 * 3600 + EVERY_S)
    retention.erase_expired()
    assert not journal.pending(9)[0].pictures
    assert journal.last("pictures.dropped") is not None


def test_lane_tidies_between_passengers(tmp_path: Path, measurer: Measurer, policy: Policy) -> None:
    tidied: list[None] = []
    here = hall(tmp_path, measurer, policy, [], erase_expired=lambda: tidied.append(None))
    here.station.start()
    assert here.station.serve() is None
    assert tidied


def test_check_tells_retention_and_overdue_faces(tmp_path: Path) -> None:
    settings = read_settings(journal=tmp_path / "lane.sqlite", retention={"recordings_for_days": 7})
    [found] = _retention(settings)
    assert found.ok
    assert "12 h" in found.said
    assert "7 days" in found.said
    clock, folder = SkippingClock(), tmp_path / "recordings"
    journal, retention = lane(tmp_path, clock)
    [found] = _retention(settings)
    assert (found.ok, "the lane runs" in found.said) == (True, True)
    retention.note(folder)
    journal.close()
    assert [one.ok for one in _retention(settings)] == [True, False], "the folder is not there"
    recorded(folder, clock.now() - timedelta(days=6))
    assert [one.ok for one in _retention(settings)] == [True, True]
    recorded(folder, clock.now() - timedelta(days=9))
    _, found = _retention(settings)
    assert not found.ok
    assert "2 recordings" in found.said
    assert "9 days" in found.said
