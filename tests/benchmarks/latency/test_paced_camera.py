"""A camera at a steady pace: what was captured while the lane was busy is as old as it is."""

from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.latency.paced_camera import PacedCamera
from tests.support.lane.simulated_lane import StandingClock

FILM = tuple(np.full((2, 2, 3), number, np.uint8) for number in range(4))
RATE = 10.0
PERIOD_S = 1 / RATE


@given(st.lists(st.floats(0, 5), min_size=1, max_size=30))
def test_lane_gets_newest_frame_once(busy_s: list[float]) -> None:
    clock = StandingClock()
    camera = PacedCamera(FILM, RATE, clock)
    frames, last = camera.frames(), None
    for working_s in busy_s:
        asked_s = clock.monotonic_s()
        frame = next(frames)
        age_s = clock.monotonic_s() - frame.captured_monotonic_s
        assert -1e-6 <= age_s < PERIOD_S + 1e-6
        assert clock.monotonic_s() - asked_s < PERIOD_S + 1e-6
        assert abs((clock.now() - frame.captured_at).total_seconds() - age_s) < 1e-4
        if last is not None:
            assert frame.sequence > last.sequence
            assert frame.captured_monotonic_s > last.captured_monotonic_s
        last = frame
        clock.sleep(working_s)
    assert last is not None
    assert camera.captured_s[-1] == last.captured_monotonic_s
    assert len(camera.captured_s) == len(busy_s)


def test_frames_arriving_meanwhile_counted_as_skipped() -> None:
    clock = StandingClock()
    camera = PacedCamera(FILM, RATE, clock)
    frames = camera.frames()
    first = next(frames)
    clock.sleep(3.5 * PERIOD_S)
    assert next(frames).sequence == first.sequence + 3
    assert camera.passed_over == 2


def test_capture_starts_film_over_and_reverses() -> None:
    clock = StandingClock()
    camera = PacedCamera(FILM, RATE, clock)
    for _ in range(2):
        shown = [int(frame.image_bgr[0, 0, 0]) for frame in islice(camera.frames(), 10)]
        assert shown == [0, 1, 2, 3, 3, 2, 1, 0, 0, 1]
        clock.sleep(0.77)


def test_a_frame_is_the_lanes_own() -> None:
    frame = next(PacedCamera(FILM, RATE, StandingClock()).frames())
    frame.image_bgr[:] = 255
    assert FILM[0].max() == 0
