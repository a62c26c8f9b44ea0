"""What the tests of a lane share."""

from collections.abc import Iterator

import pytest

from tests.support.lane.simulated_lane import JOURNALS


@pytest.fixture(autouse=True)
def close_journals() -> Iterator[None]:
    """No test leaves a journal open."""
    yield
    while JOURNALS:
        JOURNALS.pop().close()
