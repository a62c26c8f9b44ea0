"""After its clock was set a lane refers until the desk's clock agrees; small steps keep a clock right."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.adapters.clock import SkippingClock
from lane.evidence import Check
from lane.timekeeping import MOST_APART_S, MOST_STEP_S, Timekeeper


class SetClock(SkippingClock):
    """A clock that somebody sets, and that stands still between two skips."""

    def __init__(self) -> None:
        super().__init__()
        self.set_by = timedelta()
        self._began = datetime(2026, 11, 25, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._skipped_s) + self.set_by

    def monotonic_s(self) -> float:
        return self._skipped_s


def test_a_clock_that_runs_is_right() -> None:
    clock = SetClock()
    keeper = Timekeeper(clock)
    clock.skip(3600)
    assert keeper.check() is Check.SUCCESSFUL


@pytest.mark.parametrize("seconds", [-86400, -3, 3, 86400 * 365])
def test_a_clock_that_was_set_is_wrong_until_the_desks_agrees(seconds: float) -> None:
    clock = SetClock()
    keeper = Timekeeper(clock)
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


def test_a_lane_that_starts_with_another_time_than_the_desk_is_told_by_the_desk() -> None:
    clock = SetClock()
    keeper = Timekeeper(clock)
    keeper.note_desk(clock.now() - timedelta(hours=8))
    assert keeper.check() is Check.FAILED


def test_a_clock_that_lies_before_what_is_written_down_is_wrong_from_the_start() -> None:
    clock = SetClock()
    assert Timekeeper(clock, clock.now() - timedelta(days=1)).check() is Check.SUCCESSFUL
    keeper = Timekeeper(clock, clock.now() + timedelta(hours=1))
    assert keeper.check() is Check.FAILED
    keeper.note_desk(clock.now())
    assert keeper.check() is Check.SUCCESSFUL


def test_what_the_desk_said_before_the_clock_was_set_says_nothing() -> None:
    clock = SetClock()
    keeper = Timekeeper(clock)
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


def test_a_machine_that_is_busy_between_two_questions_has_no_wrong_clock() -> None:
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
