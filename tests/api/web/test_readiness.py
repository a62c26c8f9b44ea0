"""The desk says the truth about whether it can do its work, and ends without leaving anybody in doubt."""

import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import URL, text

from api.platform.errors import DiskFullError
from api.web.desk import Desk
from api.web.routes.about import Readiness
from tests.api.commands.test_command_line import added, serving
from tests.support.api.postgresql import server
from tests.support.api.running_desk import Lane, RunningDesk, wait_until, wire


def told(desk: RunningDesk) -> tuple[int, str]:
    """As a stranger is told who comes long after the last one."""
    desk.app.state.readiness = Readiness()
    answer = httpx.get(f"{desk.address}/api/v1/ready", trust_env=False)
    said = answer.json()
    return answer.status_code, said.get("code", said.get("status"))


@pytest.mark.both_databases
def test_working_desk_is_ready(desk: RunningDesk) -> None:
    assert told(desk) == (200, "ok")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE alembic_version SET version_num = '0000'", "schema_differs"),
        ("DROP TABLE alembic_version", "not_ready"),
    ],
)
def test_other_or_broken_schema_unready_without_details(desk: RunningDesk, statement: str, code: str) -> None:
    with desk.desk.database.write() as session:
        session.execute(text(statement))
    assert told(desk) == (503, code)


def test_desk_without_room_or_file_unready(desk: RunningDesk) -> None:
    with desk.changed(least_free_mb=10**9):
        assert told(desk) == (503, "disk_full")
    desk.file.rename(desk.file.with_name("moved"))
    assert told(desk) == (503, "read_only")


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_unreachable_server_unready_until_back(desk: RunningDesk, place: URL) -> None:
    server().execute(f"ALTER DATABASE {place.database} ALLOW_CONNECTIONS false")
    server().execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place.database}'"
    )
    assert told(desk) == (503, "store_busy")
    assert httpx.get(f"{desk.address}/api/v1/health", trust_env=False).status_code == 200
    server().execute(f"ALTER DATABASE {place.database} ALLOW_CONNECTIONS true")
    assert told(desk) == (200, "ok")


def test_desk_with_unreadable_keys_is_unready(desk: RunningDesk) -> None:
    keyring = desk.file.with_name(f"{desk.file.name}.keys")
    with closing(sqlite3.connect(keyring)) as raw, raw:
        raw.execute("UPDATE key_encryption SET identity = 'another'")
    assert told(desk) == (503, "keyring_out_of_reach")


def test_database_asked_once_per_second() -> None:
    asked, now = [], [0.0]

    def full(desk: Desk) -> None:
        asked.append(desk)
        raise DiskFullError

    readiness = Readiness([full], monotonic_s=lambda: now[0])
    desk: Any = SimpleNamespace(broker=SimpleNamespace(closed=False))
    for _ in range(5):
        with pytest.raises(DiskFullError):
            readiness.must_be_ready(desk)
    assert len(asked) == 1
    now[0] = 1.0
    with pytest.raises(DiskFullError):
        readiness.must_be_ready(desk)
    assert len(asked) == 2


@pytest.mark.thorough
def test_waiting_lane_answered_at_desk_end(tmp_path: Path) -> None:
    database = tmp_path / "desk.sqlite3"
    token, _ = added(database)
    with serving(database) as (process, address), Lane(address, "lane-1", token) as lane:
        passage = lane.refer(images=[])
        answers: list[Any] = []
        waiting = threading.Thread(target=lambda: answers.append(lane.decision(passage, wait_s=25)))
        waiting.start()
        with Lane(address, "lane-1", token) as other:
            wait_until(lambda: other.http.get("/passages/p-0/decision").status_code == 404)
        process.send_signal(signal.SIGTERM)
        waiting.join(20)
        assert answers == [None]
        process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.thorough
def test_request_finishes_before_desk_ends(tmp_path: Path) -> None:
    database = tmp_path / "desk.sqlite3"
    token, _ = added(database)
    with (
        serving(database) as (process, address),
        Lane(address, "lane-1", token) as lane,
        closing(sqlite3.connect(database, isolation_level=None)) as other,
    ):
        lane.refer(images=[])
        other.execute("BEGIN IMMEDIATE")
        answers: list[httpx.Response] = []
        sent = threading.Event()
        body = json.dumps({"entries": wire(lane.write("lane.started", {"lane": "lane-1"}))})

        def sending() -> Iterator[bytes]:
            yield body.encode()
            sent.set()

        working = threading.Thread(
            target=lambda: answers.append(lane.http.post("/entries", content=sending()))
        )
        working.start()
        assert sent.wait(20)
        for _ in range(3):  # what was sent before them is at work when they are answered
            assert httpx.get(f"{address}/api/v1/health", trust_env=False).status_code == 200
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(address))
        other.execute("ROLLBACK")
        working.join(20)
        assert [answer.status_code for answer in answers] == [200]
        process.communicate(timeout=20)
    assert process.returncode == 0


def refuses(address: str) -> bool:
    try:
        httpx.get(f"{address}/api/v1/health", trust_env=False)
    except httpx.TransportError:
        return True
    return False
