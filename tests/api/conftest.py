"""Fixtures: one server, and for each test a desk with an empty database, a lane, and an officer.

What the desk promises about its store, queue, lanes, ledger, events and access must hold on SQLite and on
PostgreSQL: these modules are marked `both_databases`. Pages, texts and metrics ask the store for nothing
that those do not, and are tested on SQLite alone.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from api.audit.verify.ledger import verify_ledger
from api.people.roles import Role
from api.platform.database.database import Database
from tests.support.api.postgresql import fresh_database
from tests.support.api.running_desk import Lane, Officer, RunningDesk, running
from tests.support.api.sqlite_file import fresh_file

STORE = "platform"
"""The folder whose tests run on both databases in the quick tier, too."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_databases"):
        of_the_store = metafunc.definition.path.parent.name == STORE
        second = pytest.param("postgresql", marks=() if of_the_store else pytest.mark.thorough)
        metafunc.parametrize("database_kind", ["sqlite", second], indirect=True)


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database: of a test that is marked `both_databases`, one after the other."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def place(database_kind: str, tmp_path: Path) -> Iterator[Path | URL]:
    """Where a database is in which nobody has written, at the newest revision."""
    if database_kind == "sqlite":
        yield fresh_file(tmp_path / "desk.sqlite3")
    else:
        with fresh_database() as url:
            yield url


@pytest.fixture
def database(place: Path | URL) -> Iterator[Database]:
    """One in which nobody has written."""
    made = Database(place)
    yield made
    made.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with running(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def desk(server: RunningDesk, place: Path | URL) -> Iterator[RunningDesk]:
    with server.moved_into(place) as moved:
        yield moved


@pytest.fixture
def whole_ledger(desk: RunningDesk) -> Iterator[None]:
    """After the test, the ledger and all tables verify."""
    yield
    verify_ledger(desk.desk.database)


@pytest.fixture
def lane(desk: RunningDesk) -> Iterator[Lane]:
    with desk.lane() as made:
        yield made


@pytest.fixture
def officer(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer() as made:
        yield made


@pytest.fixture
def colleague(desk: RunningDesk) -> Iterator[Officer]:
    """Another officer, who is signed in."""
    with desk.officer("li") as made:
        yield made


@pytest.fixture
def claimed(lane: Lane, officer: Officer) -> str:
    """The passage of a case that the officer has claimed, and not looked at yet."""
    return lane.refer_to(officer)


@pytest.fixture
def supervisor(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer("zhou", Role.SUPERVISOR) as made:
        yield made


@pytest.fixture
def auditor(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer("sun", Role.AUDITOR) as made:
        yield made


@pytest.fixture
def administrator(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer("chen", Role.ADMINISTRATOR) as made:
        yield made


@pytest.fixture
def early_in_an_hour(desk: RunningDesk) -> None:
    """No hour ends while a test runs, unless the test says so."""
    now = desk.clock()
    desk.clock.pass_time(minutes=61 - now.minute)


@pytest.fixture
def standing_clock(desk: RunningDesk) -> None:
    """How long a decision took is what the test says."""
    desk.clock.stand()
