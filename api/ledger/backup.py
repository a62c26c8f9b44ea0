"""A backup is an SQLite file with everything but the sessions: one form, from either database, into either.

It is taken while the desk runs, of one moment. The keyring is no part of it: what was erased stays erased.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, MetaData, Table, false, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from api.ledger import chain
from api.platform.database.database import Database, newest_revision, opened, schema_of
from api.platform.errors import StoreError
from lane.ledger.entry import Head

Progress = Callable[[str, int, int], None]
"""Table, rows copied so far, rows in all."""

_SKIPPED = frozenset({"alembic_version", "sessions", "sign_in_attempts", "challenges"})
"""Tables that are left out: nobody is signed in to a restored desk."""
_MADE_BY_MIGRATION = frozenset({"alembic_version", "ledger_head"})
_AT_ONCE = 100


def back_up(source: Database, to: Path, progress: Progress) -> Head:
    """Write a backup and return the head of the ledger in it. Raises StoreError; then there is no file."""
    part = to.with_name(f"{to.name}.part")
    if to.exists():
        raise StoreError(f"{to} exists already: a backup overwrites nothing")
    try:
        with _new(part) as target, source.read() as session:
            revision = schema_of(session.connection(), source.server)
            if revision != newest_revision():
                raise StoreError(f"the database has schema {revision}: start this release's desk on it once")
            target.migrate()
            with target.write() as writing:
                _copy(session.connection(), writing.connection(), progress)
                head = chain.head(writing)
        os.link(part, to)  # unlike a rename, it overwrites nothing
    except (OSError, SQLAlchemyError) as error:
        raise StoreError(f"{to} cannot be written: {type(error).__name__}") from error
    finally:
        _remove(part)
    return head


def restore(backup: Path, target: Database, progress: Progress) -> None:
    """Put a backup into an empty database, and bring its schema up to date.

    Raises StoreError where the database is not empty, or the file is no backup: then nothing has changed.
    """
    with opened(backup) as source, source.read() as session:
        connection = session.connection()
        revision = _revision(connection, backup)
        _must_be_empty(target)
        target.migrate(revision)
        with target.write() as writing:
            _copy(connection, writing.connection(), progress)
    target.migrate()


@contextmanager
def _new(path: Path) -> Iterator[Database]:
    """A database in a file that is this owner's alone, and a single file once it is closed."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    made = Database(path)
    try:
        yield made
    finally:
        made.close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")


def _remove(part: Path) -> None:
    for end in ("", "-wal", "-shm"):
        part.with_name(part.name + end).unlink(missing_ok=True)


def _revision(connection: Connection, backup: Path) -> str:
    try:
        revision = schema_of(connection, backup)
    except SQLAlchemyError as error:
        raise StoreError(f"{backup} is no database: give a file that `python -m api backup` wrote") from error
    if revision is None:
        raise StoreError(f"{backup} is empty: give a file that `python -m api backup` wrote")
    return revision


def _must_be_empty(target: Database) -> None:
    """Looked at without touching it: it may be another program's."""
    if isinstance(target.place, Path) and not target.place.exists():
        return
    with closing(Database(target.place, only_read=True)) as looked, looked.read() as session:
        schema_of(session.connection(), target.server)
        used = [
            table.name
            for table in _tables(session.connection()).values()
            if table.name not in _MADE_BY_MIGRATION
            and session.scalar(select(func.count()).select_from(table))
        ]
    if used:
        raise StoreError(f"{target.server} is not empty: a desk is restored into an empty database only")


def _copy(source: Connection, target: Connection, progress: Progress) -> None:
    """All rows, table by table, in an order in which each finds those that it names."""
    here, there = _tables(source), _tables(target)
    if here.keys() != there.keys():
        raise StoreError("the backup and this release do not have the same tables")
    for name, into in there.items():
        if name in _SKIPPED:
            continue
        if name in _MADE_BY_MIGRATION:
            target.execute(into.delete())
        _copy_table(source, here[name], target, into, progress)


def _copy_table(
    source: Connection, table: Table, target: Connection, into: Table, progress: Progress
) -> None:
    total, done = source.scalar(select(func.count()).select_from(table)) or 0, 0
    rows = source.execute(select(table).order_by(*table.primary_key).execution_options(yield_per=_AT_ONCE))
    for some in rows.mappings().partitions(_AT_ONCE):
        target.execute(insert(into), [dict(row) for row in some])
        done += len(some)
        progress(table.name, done, total)
    _go_on_counting(target, into)


def _go_on_counting(target: Connection, table: Table) -> None:
    """A server that numbers rows by itself begins behind those that came with their numbers."""
    if target.dialect.name != "postgresql" or len(table.primary_key.columns) != 1:
        return
    (column,) = table.primary_key.columns
    name = target.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
    if name is not None:
        highest = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
        target.execute(select(func.setval(name, highest, false())))


def _tables(connection: Connection) -> dict[str, Table]:
    """The tables there, of whatever release; not those of another schema, such as a keyring."""
    found = MetaData()
    found.reflect(connection)
    return {table.name: table for table in found.sorted_tables}
