"""The way into the database: durable, one writer at a time, the schema brought up to date at start."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from api.errors import StoreBusyError, StoreError

_MIGRATIONS = Path(__file__).with_name("migrations")


class Database:
    """Sessions on one database file. `read` sees one state; `write` is one transaction or nothing."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 5.0) -> None:
        self.path = path
        # hide_parameters: an error message must not carry a name or a note into a log.
        self.engine = create_engine(
            f"sqlite:///{path}",
            hide_parameters=True,
            connect_args={"timeout": busy_timeout_s, "isolation_level": None},
        )
        _prepare_sqlite(self.engine)
        self._writing = self.engine.execution_options(passenger_lane_writes=True)

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

    def migrate(self) -> None:
        """Bring the schema up to date. Raises StoreError where the file cannot be used."""
        try:
            _make(self.path)
            with self._writing.connect() as connection:
                _upgrade(connection)
        except (DBAPIError, OSError) as error:
            raise StoreError(f"{self.path} cannot be used as the desk's database: {_cause(error)}") from error

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def opened(path: Path) -> Database:
    """An existing database, for commands that must not make a new one by a slip of the pen."""
    if not path.is_file():
        raise StoreError(f"{path}: there is no desk's database there")
    return Database(path)


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreBusyError from error


def _make(path: Path) -> None:
    """Faces lie in it: only its owner reads it. SQLite gives the files beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _cause(error: DBAPIError | OSError) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def _upgrade(connection: Connection) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE locks before anything is read: what a writer read is still true when it writes.
        writes = connection.get_execution_options().get("passenger_lane_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
