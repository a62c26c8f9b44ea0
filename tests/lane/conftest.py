"""What the tests of a lane share."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.demo.passengers import demo_passengers
from tests.support.lane.simulated_lane import JOURNALS, LaneMaker, People


@pytest.fixture(autouse=True)
def close_journals() -> Iterator[None]:
    """No test leaves a journal open."""
    yield
    while JOURNALS:
        JOURNALS.pop().close()


@pytest.fixture(scope="session")
def people(photos: Path, measurer: Measurer) -> People:
    assert photos.is_dir()
    return {one.name: one for one in demo_passengers(measurer, date.today())}  # noqa: DTZ011  the document's own day


@pytest.fixture
def lane_with(tmp_path: Path, measurer: Measurer, policy: Policy, people: People) -> LaneMaker:
    return LaneMaker(tmp_path, measurer, policy, people)
