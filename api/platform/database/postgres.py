"""A PostgreSQL server as the desk's database: for several workers, on one machine or many."""

from dataclasses import dataclass

from psycopg import DataError
from sqlalchemy import URL, Connection, Engine, create_engine, inspect
from sqlalchemy.exc import DBAPIError

from api.platform.errors import (
    ApiError,
    ReadOnlyStoreError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    TextRefusedError,
)

_TURN = 0x7061_7373_6C61_6E65
"""The advisory lock, one in each database, that writers into the ledger take in turn."""

_KEPT = 4
"""How many connections stay open when they are not used."""

_BUSY = ("08", "40", "53", "55P03", "57")
"""SQLSTATE classes: out of reach, conflicts, out of room, waited too long, stopped."""
_DAMAGED = ("3F", "42", "XX")
"""A table or a column is missing, a page makes no sense."""
_NO_TEXT = ("22001", "22021")
"""Longer than the column, or a character that the server does not keep; of NUL the driver says so itself."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """See `api.platform.database.database.Server`. A transaction that writes takes an advisory lock before
    all else."""

    url: URL
    connections: int = 12
    """The most at a time; beyond that, requests wait for one."""

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def engine(self, *, timeout_s: float, only_read: bool) -> Engine:
        """An engine; no connection is opened yet. A connection that the server has dropped is replaced."""
        return create_engine(
            self.url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=_KEPT,
            max_overflow=self.connections - _KEPT,
            pool_timeout=timeout_s,
            connect_args={
                "connect_timeout": max(2, round(timeout_s)),
                "application_name": "passenger-lane",
                "options": _options(timeout_s, only_read=only_read),
                "prepare_threshold": None,  # a pooler between would mix the statements of its clients
            },
        )

    def reading(self, engine: Engine) -> Engine:
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def writing(self, engine: Engine) -> Engine:
        """The engine whose transactions write: each statement sees what was committed before."""
        return engine.execution_options(isolation_level="READ COMMITTED")

    def take_turn(self, connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_TURN,))

    def make(self) -> None:
        """Makes nothing: the operator of the server makes the database."""

    def must_exist(self) -> None:
        engine = self.engine(timeout_s=5, only_read=True)
        try:
            with engine.connect() as connection:
                if not inspect(connection).has_table("alembic_version"):
                    raise StoreError(f"{self}: there is no desk's database there")
        except DBAPIError as error:
            raise StoreError(f"{self} does not answer: {cause(error)}") from error
        finally:
            engine.dispose()

    def must_take_writes(self, connection: Connection, *, least_free_bytes: int) -> None:  # noqa: ARG002
        """Raises ReadOnlyStoreError of a standby. The server watches its own disk."""
        if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
            raise ReadOnlyStoreError

    def translated(self, error: DBAPIError) -> ApiError:
        state = _state(error)
        if (state is None and isinstance(error.orig, DataError)) or state in _NO_TEXT:
            return TextRefusedError()
        if state is None or state.startswith(_BUSY):
            return StoreBusyError()
        kind = StoreDamagedError if state.startswith(_DAMAGED) else StoreError
        return kind(f"the desk's database cannot be read or written: {cause(error)}")


def cause(error: DBAPIError) -> str:
    """The kind of error alone: the server's message would quote stored values."""
    return f"{type(error.orig).__name__} ({_state(error) or 'no answer'})"


def _state(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _options(timeout_s: float, *, only_read: bool) -> str:
    wait_ms = max(1, round(timeout_s * 1000))
    # A worker that stalls while it holds the writers' lock must not block all others.
    at_most_ms = 0 if only_read else 4 * wait_ms
    settings = {
        "lock_timeout": wait_ms,
        "statement_timeout": at_most_ms,
        "idle_in_transaction_session_timeout": at_most_ms,
        "timezone": "UTC",
        "default_transaction_read_only": "on" if only_read else "off",
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())
