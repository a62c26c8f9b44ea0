"""After its clock was set a lane refers until the desk's clock agrees; small steps keep a clock right."""

import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.__main__ import main
from lane.decision.evidence import Check
from lane.ledger.clock_check import MOST_APART_S, MOST_STEP_S, Timekeeper, clock_is_doubted
from lane.ledger.journal import SqliteJournal
from tests.support.command_line import in_process
from tests.support.lane.simulated_lane import LANE, SetClock

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def keeper(clock: SetClock) -> Timekeeper:
    return Timekeeper(clock)


@pytest.mark.parametrize("seconds", [-86400, -3, 3, 86400 * 365])
def test_changed_clock_awaits_desks_agreement(seconds: float, clock: SetClock, keeper: Timekeeper) -> None:
    clock.skip(3600)
    assert keeper.check() is Check.SUCCESSFUL, "it runs on"
    right = clock.now()
    clock.set_by = timedelta(seconds=seconds)
    assert [keeper.check() for _ in range(3)] == [Check.FAILED] * 3
    clock.skip(600)
    assert keeper.check() is Check.FAILED, "time alone mends nothing"
    keeper.note_desk(right + timedelta(seconds=600))
    assert keeper.check() is (Check.FAILED if abs(seconds) > MOST_APART_S else Check.SUCCESSFUL)
    clock.set_by = timedelta()
    assert keeper.check() is Check.FAILED, "it was set once more"
    keeper.note_desk(right + timedelta(seconds=600))
    assert keeper.check() is Check.SUCCESSFUL


def test_clock_is_wrong_before_the_ledger_or_apart_from_the_desk(clock: SetClock) -> None:
    assert Timekeeper(clock, clock.now() - timedelta(days=1)).check() is Check.SUCCESSFUL
    for keeper in (Timekeeper(clock, clock.now() + timedelta(hours=1)), Timekeeper(clock, doubted=True)):
        assert keeper.check() is Check.FAILED
        keeper.note_desk(clock.now())
        assert keeper.check() is Check.SUCCESSFUL
        keeper.note_desk(clock.now() - timedelta(hours=8))
        assert keeper.check() is Check.FAILED


def test_desk_time_before_setting_counts_nothing(clock: SetClock, keeper: Timekeeper) -> None:
    keeper.note_desk(clock.now())
    clock.set_by = timedelta(hours=1)
    assert keeper.check() is Check.FAILED


@given(st.lists(st.floats(-MOST_STEP_S * 0.99, MOST_STEP_S * 0.99), max_size=20))
def test_small_steps_are_no_fault(steps: list[float]) -> None:
    clock = SetClock()
    keeper = Timekeeper(clock)
    for step in steps:
        clock.skip(60)
        clock.set_by += timedelta(seconds=step)
        assert keeper.check() is Check.SUCCESSFUL


def test_busy_machine_has_no_wrong_clock() -> None:

    class Busy(SetClock):
        pauses: ClassVar[list[float]] = []

        def now(self) -> datetime:
            now = super().now()
            self.skip(self.pauses.pop() if self.pauses else 0.0)
            return now

    clock = Busy()
    keeper = Timekeeper(clock)
    for _ in range(3):
        clock.pauses[:] = [3.0, 30.0]
        assert keeper.check() is Check.SUCCESSFUL


def lane(folder: Path, when: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.support.lane.lane_with_set_clock", str(folder), when]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def trust_clock(folder: Path) -> "subprocess.CompletedProcess[str]":
    settings = folder / "lane.toml"
    settings.write_text(f'lane = "{LANE}"\njournal = "{folder}/lane.sqlite"\n', encoding="utf-8")
    return in_process(main, "trust-clock", "--settings", settings)


@pytest.mark.thorough
@pytest.mark.parametrize("when", ["between", "during"])
def test_killed_lane_mistrusts_its_changed_clock(when: str, tmp_path: Path) -> None:
    """Until a person says that it is right."""
    killed = lane(tmp_path, when)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    for _ in range(2):
        again = lane(tmp_path, "never")
        assert again.stdout.split() == ["refer", "S06"], again.stderr
    said = trust_clock(tmp_path)
    assert said.returncode == 0, said.stderr
    with SqliteJournal(tmp_path / "lane.sqlite", LANE) as journal:
        assert journal.last("lane.clock") == {"trusted": True, "by": "person"}
        assert not clock_is_doubted(journal)


def test_undoubted_lane_starts_without_trust(tmp_path: Path) -> None:
    with SqliteJournal(tmp_path / "lane.sqlite", LANE) as journal:
        assert not clock_is_doubted(journal)
    assert lane(tmp_path, "never").stdout.split() == ["admit"]


def test_missing_lane_cannot_be_trusted(tmp_path: Path) -> None:
    said = trust_clock(tmp_path)
    assert said.returncode == 2
    assert "no lane's journal" in said.stderr
    assert not (tmp_path / "lane.sqlite").exists()
