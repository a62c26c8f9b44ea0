"""Fixtures: a case that the officer has, and a colleague."""

from collections.abc import Iterator

import pytest

from tests.support.api.running_desk import Lane, Officer, RunningDesk


@pytest.fixture
def claimed(lane: Lane, officer: Officer) -> str:
    """The passage of a case that the officer has claimed, and not looked at yet."""
    passage = lane.refer()
    assert officer.claim(passage).status_code == 200
    return passage


@pytest.fixture
def colleague(desk: RunningDesk) -> Iterator[Officer]:
    """Another officer, who is signed in."""
    with desk.officer("li") as made:
        yield made
