"""What shows a face is erased in time, the ledger says so, and what is not the lane's stays."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from lane.decision.evidence import DeskContact
from lane.desk.outbox import Outbox
from lane.ledger.clock_check import Timekeeper
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import SkippingClock
from lane.platform.errors import DeskLostError
from lane.recording.retention import EVERY_S, FIRST_AFTER_S
from lane.service.build import build_retention
from lane.service.inspection import _retention
from lane.service.settings import read as read_settings
from tests.lane.ledger.test_journal import FACE
from tests.support.lane.simulated_lane import LANE, LaneMaker, SetClock, SimulatedDesk, opened


@dataclass
class Lane:
    """One that keeps recordings for 30 days."""

    path: Path
    clock: SkippingClock = field(default_factory=SkippingClock)
    timekeeper: Timekeeper | None = None
    running_s: float = FIRST_AFTER_S

    def __post_init__(self) -> None:
        self.folder = self.path / "recordings"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        settings = read_settings(journal=self.path / "lane.sqlite", retention={"recordings_for_days": 30})
        self.journal = opened(SqliteJournal(settings.journal, LANE))
        self.retention = build_retention(settings, self.journal, self.clock, self.timekeeper)
        self.retention.note(self.folder)
        self.clock.skip(self.running_s)

    def record(self, age: timedelta, *, end: str = ".recording") -> str:
        """A file of this age, as `lane record` names it."""
        name = f"{self.clock.now() - age:%Y%m%dT%H%M%S}-0123abcd{end}"
        (self.folder / name).write_bytes(b"sealed")
        return name

    def wait_for_desk(self) -> None:
        """With a picture that no desk has taken."""
        waiting = Draft("passage.judged", {"passage": "p-1"})
        self.journal.record([waiting], at=self.clock.now(), pictures=[FACE])

    def left(self, after_s: float = 0) -> set[str]:
        """What is there once the lane has looked, after so long."""
        self.clock.skip(after_s)
        self.retention.erase_expired()
        return {one.name for one in self.folder.iterdir()}


@pytest.fixture
def lane(tmp_path: Path) -> Lane:
    return Lane(tmp_path)


def test_old_recordings_are_erased_and_recorded(lane: Lane) -> None:
    """Also those cut off; the ledger names them."""
    old = lane.record(timedelta(days=31))
    cut = lane.record(timedelta(days=40), end=".recording.part")
    new = lane.record(timedelta(days=29))
    assert lane.left() == {new}
    assert lane.journal.last("recordings.erased") == {"recordings": [cut, old], "because": "retention"}


def test_running_lane_looks_hourly(lane: Lane) -> None:
    name = lane.record(timedelta(days=30) - timedelta(seconds=EVERY_S / 2))
    assert lane.left() == {name}
    assert lane.left(EVERY_S * 0.9) == {name}, "it is no hour yet"
    assert lane.left(EVERY_S * 0.2) == set()


def test_doubted_clock_erases_nothing(tmp_path: Path) -> None:
    """By a clock that was set, nothing is too old until the desk's agrees."""
    clock = SetClock()
    timekeeper = Timekeeper(clock)
    lane, desk = Lane(tmp_path, clock, timekeeper), SimulatedDesk(LANE, fault=DeskLostError("away"))
    outbox = Outbox(lane.journal, desk, clock, timekeeper=timekeeper)
    lane.wait_for_desk()
    name, right = lane.record(timedelta()), clock.now()
    clock.set_by = timedelta(days=3000)
    for _ in range(3):
        assert lane.left() == {name}
        assert outbox.deliver() is DeskContact.DESK_LOST
        clock.skip(EVERY_S)
    assert lane.journal.pending(9)[0].pictures
    clock.set_by = timedelta()
    timekeeper.note_desk(right + timedelta(seconds=3 * EVERY_S))
    assert lane.left(31 * 86400) == set()
    assert not lane.journal.pending(9)[0].pictures


def test_desk_time_comes_before_erasing(tmp_path: Path) -> None:
    """A lane hears what time it is before anything is too old."""
    clock = SetClock()
    right = clock.now()
    clock.set_by = timedelta(days=3000)
    timekeeper = Timekeeper(clock)
    lane = Lane(tmp_path, clock, timekeeper, running_s=0)
    name = lane.record(timedelta(days=3000))
    assert lane.left() == {name}
    timekeeper.note_desk(right)
    assert lane.left(FIRST_AFTER_S) == {name}


def test_recording_folders_survive_restart(lane: Lane) -> None:
    lane.record(timedelta(days=90))
    gone = lane.path / "gone"
    lane.retention.note(gone)
    lane.retention.note(lane.folder)
    lane.journal.close()
    again = Lane(lane.path)
    assert again.journal.recordings_in() == sorted([str(lane.folder), str(gone)])
    assert again.left() == set()


def test_what_is_not_the_lanes_stays(lane: Lane) -> None:
    lane.record(timedelta(days=400), end=".recording.txt")
    (lane.folder / "notes").write_text("by hand", encoding="utf-8")
    (lane.folder / "99999999T999999-0123abcd.recording").write_bytes(b"no date")
    link = lane.folder / lane.record(timedelta(days=399))
    link.unlink()
    link.symlink_to(lane.folder / "notes")
    before = {one.name for one in lane.folder.iterdir()}
    assert lane.left() == before
    assert lane.journal.last("recordings.erased") is None


def test_unerasable_recording_is_told(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = lane.record(timedelta(days=31))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as held:
        held.setattr(Path, "unlink", refuse)
        assert lane.left() == {name}
    assert "cannot be erased" in caplog.text
    assert lane.journal.last("recordings.erased") is None, "what lies there still is not told to be gone"
    assert lane.left(EVERY_S) == set()


def test_idle_lane_drops_waiting_pictures(lane: Lane) -> None:
    lane.wait_for_desk()
    lane.left()
    assert lane.journal.pending(9)[0].pictures
    lane.left(12 * 3600 + EVERY_S)
    assert not lane.journal.pending(9)[0].pictures
    assert lane.journal.last("pictures.dropped") is not None


def test_lane_tidies_between_passengers(lane_with: LaneMaker) -> None:
    tidied: list[None] = []
    assert lane_with(erase_expired=lambda: tidied.append(None)).station.serve() is None
    assert tidied


def test_check_tells_retention_and_overdue_faces(tmp_path: Path) -> None:
    settings = read_settings(journal=tmp_path / "lane.sqlite", retention={"recordings_for_days": 7})
    [found] = _retention(settings)
    assert found.ok
    assert "12 h" in found.said
    assert "7 days" in found.said
    lane = Lane(tmp_path)
    [found] = _retention(settings)
    assert (found.ok, "the lane runs" in found.said) == (True, True)
    lane.journal.close()
    lane.folder.rmdir()
    assert [one.ok for one in _retention(settings)] == [True, False], "the folder is not there"
    lane.folder.mkdir()
    lane.record(timedelta(days=6))
    assert [one.ok for one in _retention(settings)] == [True, True]
    lane.record(timedelta(days=9))
    _, found = _retention(settings)
    assert not found.ok
    assert "2 recordings" in found.said
    assert "9 days" in found.said
