"""The database: tables and migrations agree, and it is as durable as it says."""

import ast
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import api
from api.errors import StoreBusyError, StoreDamagedError, StoreError
from api.store.database import Database
from api.store.tables import Table
from api.store.verify import verify_ledger


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "deep" / "desk.sqlite3")
    made.migrate()
    yield made
    made.close()


def test_migrations_make_exactly_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    database.close()


def test_officers_of_an_older_desk_stay_officers(tmp_path: Path) -> None:
    made = Database(tmp_path / "desk.sqlite3")
    made.migrate("0001")
    with made.write() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO officers VALUES ('officer-1', 'wang', 'hash', '2026-01-01 00:00:00')"
        )
    made.migrate()
    with made.read() as session:
        assert session.connection().exec_driver_sql("SELECT role FROM officers").scalar() == "officer"
    made.close()


def test_a_database_of_an_older_desk_is_not_called_broken(tmp_path: Path) -> None:
    made = Database(tmp_path / "desk.sqlite3")
    made.migrate("0001")
    with pytest.raises(StoreError, match="schema 0001") as told:
        verify_ledger(made)
    assert not isinstance(told.value, StoreDamagedError)
    made.migrate()
    assert verify_ledger(made).head.seq == 0
    made.close()


def test_migrating_again_changes_nothing(database: Database) -> None:
    database.migrate()
    with database.read() as session:
        rows = session.connection().exec_driver_sql("SELECT chain, seq FROM ledger_head").all()
    assert [tuple(row) for row in rows] == [("desk", 0)]
    database.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
def test_a_connection_is_durable(database: Database, pragma: str, value: object) -> None:
    with database.read() as session:
        assert session.connection().exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    database.close()


def test_only_its_owner_can_read_the_database(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE ledger_head SET seq = 0")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep").iterdir()}
    assert modes == {f"desk.sqlite3{end}": 0o600 for end in ("", "-shm", "-wal")}
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700
    database.close()


def test_only_a_lock_is_called_busy(database: Database) -> None:
    hasty = Database(database.path, busy_timeout_s=0.01)
    with database.write(), pytest.raises(StoreBusyError), hasty.write():
        pass
    with pytest.raises(StoreDamagedError, match="no such table: nowhere"), hasty.read() as session:
        session.connection().exec_driver_sql("SELECT * FROM nowhere")
    hasty.close()
    database.close()


def test_an_error_of_the_database_repeats_nothing_of_what_it_holds(database: Database) -> None:
    with pytest.raises(StoreDamagedError) as told, database.read() as session:
        session.connection().exec_driver_sql("SELECT CAST(x'5a48414e47ff' AS TEXT)").all()
    assert "ZHANG" not in str(told.value)
    database.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear officers, this is a letter and not a database at all." * 20)
    database = Database(path)
    with pytest.raises(StoreError, match=r"letter\.txt"):
        database.migrate()
    database.close()


def test_no_module_of_the_desk_reaches_the_networks() -> None:
    for file in Path(next(iter(api.__path__))).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"models", "numpy", "cv2", "onnxruntime"}, (
                file
            )


def test_a_connection_that_is_at_work_while_the_database_closes_is_closed_when_it_is_done(
    tmp_path: Path,
) -> None:
    made = Database(tmp_path / "desk.sqlite3")
    with made.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
        behind = session.connection().connection.driver_connection
        assert isinstance(behind, sqlite3.Connection)
        made.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        behind.execute("SELECT 1")
