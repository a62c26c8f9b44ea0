"""The database: tables and migrations agree, and it is as durable as it says."""

import re
import sqlite3
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, select, text
from sqlalchemy.exc import IntegrityError

from api.audit.verify.ledger import verify_ledger
from api.ledger import chain
from api.platform.database.database import Database
from api.platform.database.tables import LedgerRow, Table
from api.platform.errors import StoreBusyError, StoreDamagedError, StoreError, TextRefusedError
from lane.ledger.chain import verify
from lane.platform.errors import LedgerBrokenError
from tests.support.api.postgresql import empty_place, server
from tests.support.api.running_desk import at_once

ROOT = Path(__file__).parents[3]
FIRST = ROOT / "api/platform/database/migrations/versions/0001_the_first_tables.py"


@pytest.mark.both_databases
def test_migrations_make_exactly_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_released_tables_stand_in_their_migration() -> None:
    """From the first release on, a change of the tables or of the guard is another migration."""
    versions = re.findall("^## (.+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    frozen = not re.search(r"^\s*(from|import) api\b", FIRST.read_text("utf-8"), re.MULTILINE)
    assert versions
    assert frozen or all(version.endswith("(unreleased)") for version in versions)


@pytest.mark.both_databases
def test_other_release_schema_not_called_broken(database: Database) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreError, match="schema 0000") as refused:
        verify_ledger(database)
    assert not isinstance(refused.value, StoreDamagedError)
    with pytest.raises(StoreError, match="schema 0000, unknown here"):
        database.migrate()


@pytest.mark.both_databases
def test_concurrent_repeated_migration_is_safe(database_kind: str, tmp_path: Path) -> None:
    with empty_place(database_kind, tmp_path) as place:
        several = [Database(place, busy_timeout_s=30) for _ in range(4)]
        at_once([one.migrate for one in (*several, several[0])])
        with several[0].read() as session:
            rows = session.connection().exec_driver_sql("SELECT chain, seq FROM ledger_head").all()
        assert [tuple(row) for row in rows] == [("desk", 0)]
        for one in several:
            one.close()


def test_a_connection_is_durable(database: Database) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    with database.read() as session:
        ask = session.connection().exec_driver_sql
        assert {pragma: ask(f"PRAGMA {pragma}").scalar() for pragma in expected} == expected


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


def test_only_owner_reads_database(tmp_path: Path) -> None:
    made = Database(tmp_path / "desk.sqlite3")
    made.migrate()
    with made.write() as session:
        session.connection().exec_driver_sql("UPDATE ledger_head SET seq = 0")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {f"desk.sqlite3{end}": 0o600 for end in ("", "-shm", "-wal")}
    made.close()


@pytest.mark.both_databases
def test_only_a_lock_is_called_busy(database: Database) -> None:
    with closing(Database(database.place, busy_timeout_s=0.01)) as hasty:
        with database.write(), pytest.raises(StoreBusyError), hasty.write():
            pass
        missing = pytest.raises(StoreDamagedError, match=r"no such table: nowhere|UndefinedTable")
        with missing, hasty.read() as session:
            session.connection().exec_driver_sql("SELECT * FROM nowhere")


@pytest.mark.both_databases
def test_reader_sees_one_state_writer_newest(database: Database) -> None:
    with database.read() as reader:
        assert chain.head(reader).seq == 0
        with database.write() as writer:
            chain.append(writer, "test.fact", {}, at=datetime.now(UTC))
        reader.expire_all()
        assert chain.head(reader).seq == 0
    with database.write() as writer:
        assert chain.head(writer).seq == 1


@pytest.mark.both_databases
def test_every_writer_has_its_turn(place: Path | URL) -> None:
    several = [Database(place, busy_timeout_s=30) for _ in range(3)]

    def write(one: Database) -> None:
        for _ in range(10):
            with one.write() as session:
                chain.append(session, "test.fact", {}, at=datetime.now(UTC))

    at_once([partial(write, one) for one in several * 2])
    with several[0].read() as session:
        assert chain.head(session).seq == 60
        rows = list(session.execute(select(LedgerRow.payload, LedgerRow.hash).order_by(LedgerRow.seq)))
        assert verify([(payload, hash_) for payload, hash_ in rows], chain=chain.CHAIN).seq == 60
    for one in several:
        one.close()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_write_without_turn_waits_for_nobody(place: URL) -> None:
    hasty = closing(Database(place, busy_timeout_s=0.5))
    with hasty as database, database.write(), database.write(turn=False) as session:
        session.connection().exec_driver_sql("UPDATE lanes SET head_seq = 0")


@pytest.mark.both_databases
@pytest.mark.parametrize("change", ["UPDATE ledger SET hash = hash", "DELETE FROM ledger"])
def test_database_refuses_to_change_ledger(database: Database, change: str) -> None:
    with database.write() as session:
        chain.append(session, "test.fact", {}, at=datetime.now(UTC))
    with pytest.raises((StoreError, IntegrityError)), database.write() as session:
        session.connection().exec_driver_sql(change)


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
def test_postgresql_able_to_change_ledger_found(database: Database, change: str) -> None:
    assert verify_ledger(database).head.seq == 0
    with database.write() as session:
        session.connection().exec_driver_sql(change)
    with pytest.raises(LedgerBrokenError, match="append-only"):
        verify_ledger(database)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_dropped_connection_is_remade(place: URL, database: Database) -> None:
    with database.read() as session:
        assert chain.head(session).seq == 0
    server().execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place.database}'"
    )
    with database.read() as session:
        assert chain.head(session).seq == 0
    with pytest.raises(StoreBusyError), database.read() as session:
        session.connection().exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def test_silent_server_named_without_password() -> None:
    place = URL.create("postgresql", "desk", "s3cret-word", "127.0.0.1", 1, "desk")
    database = Database(place, busy_timeout_s=1)
    with pytest.raises(StoreBusyError), database.read() as session:
        session.connection()
    with pytest.raises(StoreError, match=r"127\.0\.0\.1") as refused:
        database.migrate()
    assert "s3cret" not in str(refused.value)
    database.close()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_unwritable_text_is_refused_unquoted(database: Database) -> None:
    with pytest.raises(TextRefusedError) as refused, database.read() as session:
        session.scalar(select(LedgerRow.seq).where(LedgerRow.passage == "ZHANG\0"))
    assert "ZHANG" not in str(refused.value)
    with pytest.raises(StoreError) as other, database.read() as session:
        session.connection().exec_driver_sql("SELECT 'ZHANG'::integer")
    assert "ZHANG" not in str(other.value)


def test_database_error_repeats_no_content(database: Database) -> None:
    with pytest.raises(StoreDamagedError) as refused, database.read() as session:
        session.connection().exec_driver_sql("SELECT CAST(x'5a48414e47ff' AS TEXT)").all()
    assert "ZHANG" not in str(refused.value)


def test_file_not_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear officers, this is a letter and not a database at all." * 20)
    with closing(Database(path)) as database, pytest.raises(StoreError, match=r"letter\.txt"):
        database.migrate()


def test_busy_connection_closes_when_done(database: Database) -> None:
    with database.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
        behind = session.connection().connection.driver_connection
        assert isinstance(behind, sqlite3.Connection)
        database.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        behind.execute("SELECT 1")
