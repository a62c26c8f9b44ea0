"""Several workers are one desk: events reach every page, and a worker that dies takes nothing with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import URL

from api.audit.verify.ledger import verify_ledger
from api.platform.database.database import Database, opened
from api.platform.events import Event
from api.platform.worker_events import PostgresEvents
from tests.api.commands.test_command_line import CHEAP_ENVIRONMENT, ROOT, added
from tests.api.web.test_events import Follower
from tests.support import tiers
from tests.support.api.postgresql import fresh_database, server
from tests.support.api.running_desk import Lane, Officer, at_once, free_port, wait_until
from tests.support.api.sqlite_file import fresh_file
from tests.support.processes import children_of, command_of

WORKERS = 3


def address_of(place: Path | URL) -> str:
    return place.render_as_string(hide_password=False) if isinstance(place, URL) else str(place)


def launched(
    place: Path | URL,
    log: Path,
    *,
    workers: int = WORKERS,
    port: int = 0,
    stdout: int = subprocess.PIPE,
) -> "subprocess.Popen[bytes]":
    """A desk of several workers; its log goes on where one before has ended."""
    command = [sys.executable, "-m", "api", "serve", "--port", str(port), "--workers", str(workers)]
    here = {
        "PASSENGER_LANE_DESK_DATABASE": address_of(place),
        "PASSENGER_LANE_DESK_KEYS": str(log.parent),
        "PASSENGER_LANE_DESK_CORRECTION_WINDOW_S": "0",
        "PYTHONPATH": str(ROOT),
    }
    environment = os.environ | CHEAP_ENVIRONMENT | here
    with log.open("ab") as errors:
        return subprocess.Popen(command, cwd=log.parent, stdout=stdout, stderr=errors, env=environment)


@contextmanager
def started(place: Path | URL, log: Path, port: int = 0) -> Iterator["subprocess.Popen[bytes]"]:
    with launched(place, log, port=port) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def serving(place: Path | URL, log: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    with started(place, log) as process:
        yield process, announced_address(process, log)


def announced_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where it serves, once all its workers are ready."""
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("desk listening at http://"), log.read_text()
    return line.split()[-1]


def workers_of(process: "subprocess.Popen[bytes]") -> set[int]:
    return children_of(process.pid, "spawn_main")


@dataclass(frozen=True)
class StaffedDesk:
    """A desk of several workers, with a lane and an officer."""

    process: "subprocess.Popen[bytes]"
    address: str
    token: str
    password: str


@contextmanager
def staffed(place: Path | URL, log: Path) -> Iterator[StaffedDesk]:
    token, password = added(address_of(place))
    with serving(place, log) as (process, address):
        yield StaffedDesk(process, address, token, password)


@pytest.fixture(scope="module")
def sqlite_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StaffedDesk]:
    folder = tmp_path_factory.mktemp("desk")
    with staffed(fresh_file(folder / "desk.sqlite3"), folder / "log") as desk:
        yield desk


@pytest.fixture
def staffed_desk(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StaffedDesk]:
    """On SQLite the same one for each test: to start its workers takes long."""
    if database_kind == "sqlite":
        yield request.getfixturevalue("sqlite_desk")
    else:
        with fresh_database() as place, staffed(place, tmp_path / "log") as desk:
            yield desk


@pytest.mark.both_databases
def test_events_reach_pages_of_every_worker(staffed_desk: StaffedDesk) -> None:
    with ExitStack() as closing:
        assert len(workers_of(staffed_desk.process)) == WORKERS
        lane = closing.enter_context(Lane(staffed_desk.address, "lane-1", staffed_desk.token))
        officers = [Officer(staffed_desk.address, "wang") for _ in range(4 * WORKERS)]
        for one in officers:
            closing.callback(one.http.close)
            assert one.sign_in(staffed_desk.password).status_code == 200
        followers = [Follower(one) for one in officers]
        passages = [lane.refer(images=[]) for _ in range(4)]
        expected = [("referral.opened", {"passage": passage}) for passage in passages]
        wait_until(lambda: all(follower.events == expected for follower in followers))


@pytest.mark.thorough
@pytest.mark.both_databases
def test_killed_worker_is_replaced(staffed_desk: StaffedDesk) -> None:
    process = staffed_desk.process
    before = workers_of(process)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers_of(process) - {victim}) == WORKERS, 30)
    assert before - {victim} <= workers_of(process)
    for _ in range(2 * WORKERS):
        # Each a connection of its own.
        with Lane(staffed_desk.address, "lane-1", staffed_desk.token) as lane:
            assert lane.http.get("/passages/p-0/decision").status_code == 404


@pytest.mark.thorough
def test_early_killed_worker_ends_no_desk(place: Path, tmp_path: Path) -> None:
    """As where the database is away for a moment while the second worker starts."""
    added(place)
    port = free_port()
    with started(place, tmp_path / "log", port) as process:
        wait_until(lambda: len(workers_of(process)) == WORKERS, 30)
        victim = max(workers_of(process))
        os.kill(victim, signal.SIGSTOP)
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/api/v1/health"), 30)
        os.kill(victim, signal.SIGKILL)
        assert announced_address(process, tmp_path / "log")
        assert len(workers_of(process) - {victim}) == WORKERS
    assert process.returncode == 0


def answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.thorough
@tiers.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], quick=1)
def test_all_workers_end_with_the_desk(place: Path, tmp_path: Path, ending: signal.Signals) -> None:
    added(place)
    with serving(place, tmp_path / "log") as (process, address):
        workers = workers_of(process)
        process.send_signal(ending)
        process.wait(30)
        wait_until(lambda: not any(command_of(worker) for worker in workers), 20)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}/api/v1/health", trust_env=False)
    assert process.returncode == (-ending if ending is signal.SIGKILL else 0)
    assert "Traceback" not in (tmp_path / "log").read_text()
    with opened(place) as database:
        assert verify_ledger(database).head.seq > 0


@pytest.mark.thorough
def test_workers_unable_to_start_say_why(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear officers, this is a letter and not a database at all." * 20)
    command = [sys.executable, "-m", "api", "serve", "--port", "0", "--workers", "2"]
    command += ["--database", str(letter)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {letter} cannot be used as the desk's database")


class Heard:
    """What one worker hears from the others."""

    def __init__(self, place: URL) -> None:
        self.events: list[Event] = []
        self.losses = 0
        self.worker_events = PostgresEvents(place)
        self.worker_events.start(self.events.append, self._lose)

    def _lose(self) -> None:
        self.losses += 1


@pytest.fixture
def two(place: URL) -> Iterator[tuple[Heard, Heard]]:
    one, other = Heard(place), Heard(place)
    listening = (
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{place.database}' AND query ~ 'LISTEN'"
    )
    database = Database(place)

    def both_listen() -> Any:
        with database.read() as session:
            return session.connection().exec_driver_sql(listening).scalar() == 2 + 1  # and this question

    wait_until(both_listen)
    yield one, other
    for heard in (one, other):
        heard.worker_events.close()
    database.close()


@pytest.mark.thorough
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_events_heard_once_in_order(two: tuple[Heard, Heard]) -> None:
    one, other = two
    said = [Event("referral.opened", f"p-{number}") for number in range(200)]
    for event in said[:100]:
        one.worker_events.send(event)
    at_once([partial(one.worker_events.send, event) for event in said[100:]])
    wait_until(lambda: len(other.events) == len(said))
    assert other.events[:100] == said[:100]
    assert one.events == []
    sent, heard = ([event.published_at for event in events[:100]] for events in (said, other.events))
    assert sent == heard


@pytest.mark.thorough
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_lost_connection_is_known_and_restored(place: URL, two: tuple[Heard, Heard]) -> None:
    one, other = two
    server().execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place.database}'"
    )
    wait_until(lambda: one.losses == other.losses == 1)
    one.worker_events.send(Event("referral.changed", "p-1"))
    wait_until(lambda: other.events == [Event("referral.changed", "p-1")])
