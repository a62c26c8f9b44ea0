"""Fixtures: one desk for each test, with a lane and an officer who is signed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.desks import Lane, Officer, RunningDesk, running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[RunningDesk]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def lane(desk: RunningDesk) -> Iterator[Lane]:
    with desk.lane() as made:
        yield made


@pytest.fixture
def officer(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer() as made:
        yield made
