"""One SQLite file as the desk's database: durable, and read or written by one machine."""

import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from api.platform.errors import (
    ApiError,
    DiskFullError,
    ReadOnlyStoreError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
)

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {None, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT}
"""A table is missing, a page makes no sense; None: text that is no text."""
_WRITES = "passenger_lane_writes"


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """See `api.platform.database.database.Server`. A transaction that writes begins IMMEDIATE: with its
    turn."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def engine(self, *, timeout_s: float, only_read: bool) -> Engine:
        """An engine; no connection is opened yet. `only_read` leaves the file and its folder as they are."""
        # hide_parameters: an error message must not carry a name or a note into a log.
        engine = create_engine(
            _address_to_read(self.path) if only_read else f"sqlite:///{self.path}",
            hide_parameters=True,
            connect_args={"timeout": timeout_s, "isolation_level": None},
        )
        _prepare(engine, timeout_s=timeout_s, only_read=only_read)
        return engine

    def reading(self, engine: Engine) -> Engine:
        """The engine whose transactions see one state: in WAL mode all do."""
        return engine

    def writing(self, engine: Engine) -> Engine:
        return engine.execution_options(**{_WRITES: True})

    def take_turn(self, connection: Connection) -> None:
        """Nothing: BEGIN IMMEDIATE has taken it."""

    def make(self) -> None:
        """Make the file, which only its owner can read; SQLite gives the files beside it the same mode.

        Raises StoreError where there is no such folder: a mistyped path makes none.
        """
        folder = self.path.absolute().parent
        if not folder.is_dir():
            raise StoreError(f"{self.path}: there is no folder {folder}: check the path, or make the folder")
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))

    def must_exist(self) -> None:
        if not self.path.is_file():
            raise StoreError(f"{self.path}: there is no desk's database there")

    def must_take_writes(self, connection: Connection, *, least_free_bytes: int) -> None:  # noqa: ARG002
        if not os.access(self.path, os.W_OK):  # also where somebody removed or moved it
            raise ReadOnlyStoreError
        if shutil.disk_usage(self.path.parent).free < least_free_bytes:
            raise DiskFullError

    def translated(self, error: DBAPIError) -> ApiError:
        code = getattr(error.orig, "sqlite_errorcode", None)
        primary = code and code & 0xFF  # the other bits are details
        if primary in _BUSY:
            return StoreBusyError()
        # An error without a number is the driver's own, and its text quotes stored values.
        cause = "it holds text that is no text" if code is None else str(error.orig)
        kind = StoreDamagedError if primary in _DAMAGED else StoreError
        return kind(f"the desk's database cannot be read or written: {cause}")


def _address_to_read(path: Path) -> URL:
    where = {"mode": "ro", "uri": "true"}
    # Beside a database in WAL mode, SQLite wants to make files even to read it. Where nobody can make
    # them and no writer left any, nobody writes: then it can be read as it lies there.
    if not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists():
        where["immutable"] = "1"
    return URL.create("sqlite", database=f"file:{quote(str(path.resolve()))}", query=where)


def _prepare(engine: Engine, *, timeout_s: float, only_read: bool) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        if not only_read:
            _write_ahead(connection, timeout_s)
            connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE locks before anything is read: what a writer read is still true when it writes.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Put the file into WAL mode, in which it stays.

    SQLite does not wait here while another process writes to a new file, busy timeout or not; so this does.
    """
    until = monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or monotonic() >= until:
                raise
            sleep(0.01)
        else:
            return
