"""The way into the database: durable, one writer at a time, the schema brought up to date at start."""

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from api.errors import StoreBusyError, StoreDamagedError, StoreError

_MIGRATIONS = Path(__file__).with_name("migrations")


_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {None, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT}
"""A table is missing, a page makes no sense; None: text that is no text."""


class Database:
    """Sessions on one database file. `read` sees one state; `write` is one transaction or nothing.

    One that is `only_read` leaves the file and its folder as they are.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 5.0, only_read: bool = False) -> None:
        self.path = path
        # hide_parameters: an error message must not carry a name or a note into a log.
        self.engine = create_engine(
            _address_to_read(path) if only_read else f"sqlite:///{path}",
            hide_parameters=True,
            connect_args={"timeout": busy_timeout_s, "isolation_level": None},
        )
        durable = () if only_read else ("journal_mode=WAL", "synchronous=FULL")
        _prepare_sqlite(self.engine, (*durable, "foreign_keys=ON"))
        self._writing = self.engine.execution_options(passenger_lane_writes=True)
        self._closed = False
        event.listen(self.engine, "checkin", self._on_return)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads. Raises StoreBusyError where the database does not answer."""
        with _named_errors(), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is committed at the end, and rolled back by any exception.

        It has its turn when it is given: a time taken inside is not older than that of the writer before.
        """
        with _named_errors(), Session(self._writing) as session, session.begin():
            session.connection()
            yield session

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to date. Raises StoreError where the file cannot be used."""
        try:
            _make(self.path)
            with self._writing.connect() as connection:
                command.upgrade(_alembic(connection), revision)
        except (DBAPIError, OSError) as error:
            raise StoreError(f"{self.path} cannot be used as the desk's database: {_cause(error)}") from error

    def close(self) -> None:
        """Close all connections; one that is still at work is closed when it is done."""
        self._closed = True
        self.engine.dispose()

    def _on_return(self, connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        if self._closed and connection is not None:
            entry.invalidate()


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """An existing database, only to be read: also a copy on a medium that takes no writing."""
    must_exist(path)
    database = Database(path, only_read=True)
    try:
        yield database
    finally:
        database.close()


def must_exist(path: Path) -> None:
    """For commands that must not make a database by a slip of the pen. Raises StoreError."""
    if not path.is_file():
        raise StoreError(f"{path}: there is no desk's database there")


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # a rule of the tables: whoever breaks it on purpose names it
    except DatabaseError as error:
        code = getattr(error.orig, "sqlite_errorcode", None)
        primary = code and code & 0xFF  # the rest of the number tells more of the same
        if primary in _BUSY:
            raise StoreBusyError from error
        # Without a number it is the driver that complains, and its text quotes what is stored.
        cause = "it holds text that is no text" if code is None else str(error.orig)
        kind = StoreDamagedError if primary in _DAMAGED else StoreError
        raise kind(f"the desk's database cannot be read or written: {cause}") from error


def _address_to_read(path: Path) -> URL:
    where = {"mode": "ro", "uri": "true"}
    # Beside a database in WAL mode, SQLite wants to make files even to read it. Where nobody can make
    # them and no writer left any, nobody writes: then it can be read as it lies there.
    if not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists():
        where["immutable"] = "1"
    return URL.create("sqlite", database=f"file:{quote(str(path.resolve()))}", query=where)


def _make(path: Path) -> None:
    """Faces lie in it: only its owner reads it. SQLite gives the files beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _cause(error: DBAPIError | OSError) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def newest_revision() -> str | None:
    """The revision of the schema that this release reads and writes."""
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def _alembic(connection: Connection | None = None) -> Config:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _prepare_sqlite(engine: Engine, pragmas: Iterable[str]) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE locks before anything is read: what a writer read is still true when it writes.
        writes = connection.get_execution_options().get("passenger_lane_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
