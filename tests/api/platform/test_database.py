"""The database: tables and migrations agree, and it is as durable as it says."""

import ast
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, select, text
from sqlalchemy.exc import IntegrityError

import api
from api.audit.verify.ledger import verify_ledger
from api.ledger import chain
from api.platform.database.database import Database
from api.platform.database.tables import LedgerRow, Table
from api.platform.errors import StoreBusyError, StoreDamagedError, StoreError, TextRefusedError
from lane.ledger.chain import verify
from lane.platform.errors import LedgerBrokenError
from tests.support.postgresql import empty_database, server


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "desk").mkdir()
    made = Database(tmp_path / "desk" / "desk.sqlite3")
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def empty(database_kind: str, tmp_path: Path) -> Iterator[Path | URL]:
    """Where nobody has made anything yet."""
    if database_kind == "sqlite":
        yield tmp_path / "desk.sqlite3"
    else:
        with empty_database() as url:
            yield url


@pytest.mark.both_databases
def test_migrations_make_exactly_the_tables(empty: Path | URL) -> None:
    database = Database(empty)
    database.migrate()
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    database.close()


@pytest.mark.both_databases
def test_other_release_schema_not_called_broken(place: Path | URL) -> None:
    made = Database(place)
    made.migrate()
    with made.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreError, match="schema 0000") as told:
        verify_ledger(made)
    assert not isinstance(told.value, StoreDamagedError)
    with pytest.raises(StoreError, match="schema 0000, unknown here"):
        made.migrate()
    made.close()


@pytest.mark.both_databases
def test_concurrent_repeated_migration_is_safe(empty: Path | URL) -> None:
    several = [Database(empty, busy_timeout_s=30) for _ in range(4)]
    failed: list[BaseException] = []

    def migrate(one: Database) -> None:
        try:
            one.migrate()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failed.append(error)

    threads = [threading.Thread(target=migrate, args=(one,)) for one in (*several, several[0])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with several[0].read() as session:
        rows = session.connection().exec_driver_sql("SELECT chain, seq FROM ledger_head").all()
    assert [tuple(row) for row in rows] == [("desk", 0)]
    for one in several:
        one.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
def test_a_connection_is_durable(database: Database, pragma: str, value: object) -> None:
    with database.read() as session:
        assert session.connection().exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    database.close()


def test_new_file_being_written_is_awaited(tmp_path: Path) -> None:
    """SQLite itself refuses the switch to WAL at once while another process writes to a new file."""
    path = tmp_path / "desk.sqlite3"
    hasty, patient = Database(path, busy_timeout_s=0.05), Database(path)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError), hasty.read() as session:
            session.connection()
        ending = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        ending.start()
        patient.migrate()
        ending.join()
    with patient.read() as session:
        assert session.connection().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    for one in (hasty, patient):
        one.close()


def test_only_owner_reads_database(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE ledger_head SET seq = 0")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "desk").iterdir()}
    assert modes == {f"desk.sqlite3{end}": 0o600 for end in ("", "-shm", "-wal")}
    database.close()


@pytest.mark.both_databases
def test_only_a_lock_is_called_busy(place: Path | URL) -> None:
    database, hasty = Database(place), Database(place, busy_timeout_s=0.01)
    database.migrate()
    with database.write(), pytest.raises(StoreBusyError), hasty.write():
        pass
    with (
        pytest.raises(StoreDamagedError, match=r"no such table: nowhere|UndefinedTable"),
        hasty.read() as session,
    ):
        session.connection().exec_driver_sql("SELECT * FROM nowhere")
    hasty.close()
    database.close()


@pytest.mark.both_databases
def test_reader_sees_one_state_writer_newest(place: Path | URL) -> None:
    database = Database(place)
    database.migrate()
    with database.read() as reader:
        assert chain.head(reader).seq == 0
        with database.write() as writer:
            chain.append(writer, "test.fact", {}, at=datetime.now(UTC))
        reader.expire_all()
        assert chain.head(reader).seq == 0
    with database.write() as writer:
        assert chain.head(writer).seq == 1
    database.close()


@pytest.mark.both_databases
def test_every_writer_has_its_turn(place: Path | URL) -> None:
    """None writes over another."""
    several = [Database(place, busy_timeout_s=30) for _ in range(3)]
    several[0].migrate()

    def write(one: Database) -> None:
        for _ in range(10):
            with one.write() as session:
                chain.append(session, "test.fact", {}, at=datetime.now(UTC))

    threads = [threading.Thread(target=write, args=(one,)) for one in several * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with several[0].read() as session:
        assert chain.head(session).seq == 60
        rows = list(session.execute(select(LedgerRow.payload, LedgerRow.hash).order_by(LedgerRow.seq)))
        assert verify([(payload, hash_) for payload, hash_ in rows], chain=chain.CHAIN).seq == 60
    for one in several:
        one.close()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_write_without_turn_waits_for_nobody(place: URL) -> None:
    database = Database(place, busy_timeout_s=0.5)
    with database.write(), database.write(turn=False) as session:
        session.connection().exec_driver_sql("UPDATE lanes SET head_seq = 0")
    database.close()


@pytest.mark.both_databases
@pytest.mark.parametrize("change", ["UPDATE ledger SET hash = hash", "DELETE FROM ledger"])
def test_database_refuses_to_change_ledger(place: Path | URL, change: str) -> None:
    database = Database(place)
    database.migrate()
    with database.write() as session:
        chain.append(session, "test.fact", {}, at=datetime.now(UTC))
    with pytest.raises((StoreError, IntegrityError)), database.write() as session:
        session.connection().exec_driver_sql(change)
    database.close()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ledger DISABLE TRIGGER ledger_refuses_change",
        "ALTER TABLE ledger ENABLE REPLICA TRIGGER ledger_refuses_truncate",
        "DROP TRIGGER ledger_refuses_change ON ledger",
        "CREATE OR REPLACE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RETURN NEW; END$$",
        "DROP TRIGGER ledger_refuses_change ON ledger; CREATE TRIGGER ledger_refuses_change BEFORE UPDATE OR "
        "DELETE ON ledger FOR EACH ROW WHEN (false) EXECUTE FUNCTION ledger_is_append_only(); "
        "ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_refuses_change",
    ],
)
def test_postgresql_able_to_change_ledger_found(place: URL, change: str) -> None:
    database = Database(place)
    assert verify_ledger(database).head.seq == 0
    with database.write() as session:
        session.connection().exec_driver_sql(change)
    with pytest.raises(LedgerBrokenError, match="append-only"):
        verify_ledger(database)
    database.close()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_dropped_connection_is_remade(place: URL) -> None:
    database = Database(place)
    with database.read() as session:
        assert chain.head(session).seq == 0
    server().execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place.database}'"
    )
    with database.read() as session:
        assert chain.head(session).seq == 0
    with pytest.raises(StoreBusyError), database.read() as session:
        session.connection().exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    database.close()


def test_silent_server_named_without_password() -> None:
    place = URL.create("postgresql", "desk", "s3cret-word", "127.0.0.1", 1, "desk")
    database = Database(place, busy_timeout_s=1)
    with pytest.raises(StoreBusyError), database.read() as session:
        session.connection()
    with pytest.raises(StoreError, match=r"127\.0\.0\.1") as told:
        database.migrate()
    assert "s3cret" not in str(told.value)
    database.close()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_unwritable_text_is_refused_unquoted(place: URL) -> None:
    database = Database(place)
    with pytest.raises(TextRefusedError) as told, database.read() as session:
        session.scalar(select(LedgerRow.seq).where(LedgerRow.passage == "ZHANG\0"))
    assert "ZHANG" not in str(told.value)
    with pytest.raises(StoreError) as other, database.read() as session:
        session.connection().exec_driver_sql("SELECT 'ZHANG'::integer")
    assert "ZHANG" not in str(other.value)
    database.close()


def test_database_error_repeats_no_content(database: Database) -> None:
    with pytest.raises(StoreDamagedError) as told, database.read() as session:
        session.connection().exec_driver_sql("SELECT CAST(x'5a48414e47ff' AS TEXT)").all()
    assert "ZHANG" not in str(told.value)
    database.close()


def test_file_not_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear officers, this is a letter and not a database at all." * 20)
    database = Database(path)
    with pytest.raises(StoreError, match=r"letter\.txt"):
        database.migrate()
    database.close()


WITHOUT_NETWORKS = {"models.command_line.broken_pipe", "models.quality.components", "models.values.texts"}
"""Modules of `models` that load nothing heavy."""


def test_no_serving_module_imports_networks() -> None:
    root = Path(next(iter(api.__path__)))
    for file in set(root.rglob("*.py")) - set((root / "commands").iterdir()):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            reached = {name.split(".")[0] for name in names if name not in WITHOUT_NETWORKS}
            assert not reached & {"models", "numpy", "cv2", "onnxruntime"}, file
    code = f"import sys, {', '.join(sorted(WITHOUT_NETWORKS))}; "
    code += "print({'numpy', 'cv2', 'onnxruntime'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_busy_connection_closes_when_done(
    tmp_path: Path,
) -> None:
    """Where the database closes meanwhile."""
    made = Database(tmp_path / "desk.sqlite3")
    with made.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
        behind = session.connection().connection.driver_connection
        assert isinstance(behind, sqlite3.Connection)
        made.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        behind.execute("SELECT 1")
