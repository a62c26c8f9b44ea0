"""Fixtures: one server, and for each test a desk with an empty database, a lane, and an officer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.store.officers import Role
from tests.api.desks import Lane, Officer, RunningDesk, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with running(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def desk(server: RunningDesk, tmp_path: Path) -> Iterator[RunningDesk]:
    with server.moved_into(tmp_path) as moved:
        yield moved


@pytest.fixture
def lane(desk: RunningDesk) -> Iterator[Lane]:
    with desk.lane() as made:
        yield made


@pytest.fixture
def officer(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer() as made:
        yield made


@pytest.fixture
def supervisor(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer("zhou", Role.SUPERVISOR) as made:
        yield made


@pytest.fixture
def early_in_an_hour(desk: RunningDesk) -> None:
    """No hour ends while a test runs, unless the test says so."""
    now = desk.clock()
    desk.clock.pass_time(minutes=61 - now.minute)
