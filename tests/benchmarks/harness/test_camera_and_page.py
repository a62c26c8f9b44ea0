"""A camera's frames, had or missed, by whose fault; and a page that stands for a traveller's browser."""

import select
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.harness.kiosk_page import open_page
from benchmarks.harness.noted_camera import NotedCamera, rate
from lane.cameras.frame import Frame
from lane.capture.guidance import Instruction
from tests.support.http_service import answering
from tests.support.lane.kiosk_process import kiosk
from tests.support.processes import until


class Numbered:
    """A camera that gives two frames, the first one captured so long ago, and then the other one."""

    def __init__(self, first_ago_s: float, apart_s: float, numbers: tuple[int, int]) -> None:
        self._ago_s = tuple(zip(numbers, (first_ago_s, first_ago_s - apart_s), strict=True))

    def frames(self) -> Iterator[Frame]:
        now_s, now = time.monotonic(), datetime.now(UTC)
        for number, ago_s in self._ago_s:
            yield Frame("numbered", number, now, now_s - ago_s, np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize(
    ("first_ago_s", "numbers", "passed_over", "lost"),
    [(200.0, (1, 4), 2, 0), (0.0, (1, 4), 0, 2), (1.0, (4, 4), 0, 0), (1.0, (4, 1), 0, 0)],
    ids=["asked after they had come", "waited when they came", "counts anew", "counts from the start"],
)
def test_missed_frames_have_a_cause(
    first_ago_s: float, numbers: tuple[int, int], passed_over: int, lost: int
) -> None:
    camera = NotedCamera(Numbered(first_ago_s, 100.0, numbers))
    assert [frame.sequence for frame in camera.frames()] == [*numbers]
    noted = camera.noted
    assert (noted.passed_over, noted.lost, noted.came) == (passed_over, lost, 2 + passed_over + lost)
    assert noted.lasted_s == pytest.approx(100)
    assert rate([noted, noted]) == pytest.approx((noted.came - 1) / 100)
    assert noted.ages_ns[0] >= first_ago_s * 1e9
    assert len(noted.work_ns) == 2


def test_each_capture_begins_anew() -> None:
    camera = NotedCamera(Numbered(1.0, 0.5, (1, 4)))
    for _ in range(2):
        next(camera.frames())
        assert len(camera.noted.captured_s) == len(camera.noted.ages_ns) == 1


def test_page_gets_state_and_pictures() -> None:
    with kiosk() as shown, open_page(shown.address) as page:
        shown.kiosk(Instruction.LOOK)
        until(lambda: shown.write() and select.select([page.output], [], [], 0)[0])
        assert page.output.readline() == b"picture\n"
        assert page.process.poll() is None
    assert page.process.poll() is not None


def test_ended_page_is_an_error() -> None:
    def open_and_kill(address: str) -> None:
        with open_page(address) as page:
            page.process.kill()
            page.process.wait()

    with kiosk() as shown, pytest.raises(BenchmarkError, match="did not stay open"):
        open_and_kill(shown.address)


def test_page_ends_with_a_thread_that_fails() -> None:
    with answering(b"{}") as (address, _), pytest.raises(BenchmarkError, match="does not open"):
        open_page(address).__enter__()
