"""What came of a camera's frames: those that a lane had, and those that it missed, by whose fault."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.harness.noted_camera import NotedCamera, rate
from lane.cameras.frame import Frame


class Numbered:
    """A camera that gives two frames, the first one captured so long ago, and then the other one."""

    def __init__(self, first_ago_s: float, apart_s: float, numbers: tuple[int, int] = (1, 4)) -> None:
        self._ago_s = tuple(zip(numbers, (first_ago_s, first_ago_s - apart_s), strict=True))

    def frames(self) -> Iterator[Frame]:
        now_s, now = time.monotonic(), datetime.now(UTC)
        for number, ago_s in self._ago_s:
            yield Frame("numbered", number, now, now_s - ago_s, np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize(("first_ago_s", "passed_over", "lost"), [(200.0, 2, 0), (0.0, 0, 2)])
def test_missed_frames_have_a_cause(first_ago_s: float, passed_over: int, lost: int) -> None:
    """The lane asked after they had come; or it waited when they came, and had none of them."""
    noted = NotedCamera(Numbered(first_ago_s, apart_s=100.0))
    assert [frame.sequence for frame in noted.frames()] == [1, 4]
    assert (noted.passed_over, noted.lost) == (passed_over, lost)
    assert noted.came == 4
    assert noted.lasted_s == pytest.approx(100)
    assert rate([noted, noted]) == pytest.approx(0.03)
    assert noted.ages_ns[0] >= first_ago_s * 1e9
    assert len(noted.work_ns) == 2


@pytest.mark.parametrize("numbers", [(4, 4), (4, 1)])
def test_camera_that_counts_anew_misses_nothing(numbers: tuple[int, int]) -> None:
    noted = NotedCamera(Numbered(1.0, 0.5, numbers))
    assert [frame.sequence for frame in noted.frames()] == [*numbers]
    assert noted.passed_over == noted.lost == 0


def test_each_capture_begins_anew() -> None:
    noted = NotedCamera(Numbered(1.0, 0.5))
    for _ in range(2):
        next(noted.frames())
        assert len(noted.captured_s) == len(noted.ages_ns) == 1
