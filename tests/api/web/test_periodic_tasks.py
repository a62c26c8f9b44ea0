"""Periodic work: each chore at its time, whatever happens to another, and an end that waits for nobody."""

import threading
from pathlib import Path

import pytest

from api.platform.errors import StoreError
from api.platform.settings import Settings
from api.web.app import create_app
from api.web.desk import Desk
from api.web.periodic_tasks import Chore, Chores
from tests.support.api.running_desk import CHEAP, running, wait_until


@pytest.fixture
def any_desk(tmp_path: Path) -> Desk:
    app = create_app(Settings(database=tmp_path / "desk.sqlite3", argon2=CHEAP))
    assert isinstance(app.state.desk, Desk)
    return app.state.desk


def test_chore_runs_immediately_then_periodically(any_desk: Desk) -> None:
    short: list[Desk] = []
    long: list[Desk] = []
    now = [100.0]
    several = [Chore("short", 1.0, short.append), Chore("long", 60.0, long.append)]
    chores = Chores(several, lambda: any_desk, monotonic_s=lambda: now[0])
    assert chores.run_due() == ["short", "long"]
    assert chores.run_due() == []
    now[0] += 1
    assert chores.run_due() == ["short"]
    now[0] += 60
    assert chores.run_due() == ["short", "long"]
    assert (short, long) == ([any_desk] * 3, [any_desk] * 2)


def test_failing_chore_is_counted_and_rerun(any_desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    now = [100.0]

    def fail(_: Desk) -> None:
        raise ValueError("the name of a passenger")

    bad, good = Chore("bad", 1.0, fail), Chore("good", 1.0, lambda _: done.append("good"))
    chores = Chores([bad, good], lambda: any_desk, monotonic_s=lambda: now[0])
    for _ in range(3):
        now[0] += 1
        assert chores.run_due() == ["bad", "good"]
    assert chores.failures == {"bad": 3}
    assert len(done) == 3
    told = "".join(capsys.readouterr())
    assert "passenger" not in told
    assert "ValueError" in told


def test_chore_of_broken_database_logs_cause(any_desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: Desk) -> None:
        raise StoreError("the ledger has lost its head row")

    Chores([Chore("bad", 1.0, fail)], lambda: any_desk).run_due()
    assert "the ledger has lost its head row" in "".join(capsys.readouterr())


def test_chores_run_only_while_desk_runs(tmp_path: Path) -> None:
    done: list[None] = []
    with running(tmp_path, chores=[Chore("often", 0.001, lambda _: done.append(None))]):
        wait_until(lambda: len(done) > 3)
    ended = len(done)
    assert not [thread for thread in threading.enumerate() if thread.name == "chores"]
    assert len(done) == ended


def test_running_chore_does_not_block_ending(tmp_path: Path) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def hang(_: Desk) -> None:
        begun.set()
        let_go.wait(60)

    try:
        with running(tmp_path, chores=[Chore("hangs", 1.0, hang)]):
            assert begun.wait(10)
    finally:
        let_go.set()


def test_stopped_list_begins_no_chore(any_desk: Desk) -> None:
    done: list[str] = []

    def last(_: Desk) -> None:
        done.append("first")
        chores.stop()

    chores = Chores(
        [Chore("first", 1.0, last), Chore("second", 1.0, lambda _: done.append("second"))], lambda: any_desk
    )
    assert chores.run_due() == ["first"]
    assert done == ["first"]
