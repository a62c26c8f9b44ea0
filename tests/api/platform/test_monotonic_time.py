"""Nothing gets old before its time, whatever somebody sets a clock to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.platform.monotonic_time import MOST_STEP, ClockAheadError, ErasureClock, since_boot_s
from tests.support.api.running_desk import Clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JUMPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(-(10**9), 10**9)), max_size=20)


@given(JUMPS)
def test_time_lead_is_bounded_per_reading(jumps: list[tuple[int, int]]) -> None:
    """Each: seconds that pass, and seconds by which somebody sets the clock meanwhile."""
    shown, passed_s = NOON, 0
    erasure_clock = ErasureClock(lambda: shown, lambda: float(passed_s))
    erasure_clock()
    for number, (seconds, jump_s) in enumerate(jumps, start=1):
        passed_s += seconds
        shown += timedelta(seconds=seconds + jump_s)
        now = erasure_clock()
        assert now <= shown
        assert now <= NOON + timedelta(seconds=passed_s) + number * MOST_STEP


def followed(erasure_clock: ErasureClock, clock: Clock) -> bool:
    erasure_clock.must_agree()
    return erasure_clock() == clock()


def test_clock_followed_unless_set_ahead_while_desk_runs() -> None:
    clock = Clock()
    clock.stand()
    erasure_clock = ErasureClock(clock, clock.elapsed_s)
    for _ in range(100):
        clock.pass_time(days=1)
        clock.set_ahead(milliseconds=20)  # as it is kept right by small steps
        assert followed(erasure_clock, clock)
    clock.set_ahead(days=-10)
    assert followed(erasure_clock, clock)
    clock.set_ahead(days=10)
    assert followed(erasure_clock, clock), "it was put right again"
    clock.set_ahead(days=1)
    assert followed(ErasureClock(clock, clock.elapsed_s), clock), "a start trusts the clock"


def test_fast_clock_bridged_until_set_back() -> None:
    clock = Clock()
    erasure_clock, began = ErasureClock(clock, clock.elapsed_s), clock()
    clock.set_ahead(days=3000)
    clock.pass_time(hours=5)
    assert timedelta(hours=5) <= erasure_clock() - began < timedelta(hours=5, minutes=1)
    with pytest.raises(ClockAheadError):
        erasure_clock.must_agree()
    clock.set_ahead(days=-3000)
    assert timedelta(hours=5) <= erasure_clock() - began < timedelta(hours=5, minutes=1)
    erasure_clock.must_agree()


def test_real_desk_other_clock_moves_on() -> None:
    before = since_boot_s()
    assert since_boot_s() >= before > 0
