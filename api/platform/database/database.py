"""Sessions on the database: one writer at a time, the schema brought up to date at start."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from time import monotonic
from typing import Protocol

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from api.platform.database.postgres import PostgresServer
from api.platform.database.sqlite import SqliteFile
from api.platform.errors import ApiError, StoreBusyError, StoreError
from lane.ledger.entry import Entry

_MIGRATIONS = Path(__file__).with_name("migrations")


class Server(Protocol):
    """What differs between SQLite and PostgreSQL."""

    def engine(self, *, timeout_s: float, only_read: bool) -> Engine:
        """An engine; no connection is opened yet."""
        ...

    def reading(self, engine: Engine) -> Engine:
        """The same engine, for transactions that see one state."""
        ...

    def writing(self, engine: Engine) -> Engine:
        """The same engine, for transactions that write."""
        ...

    def take_turn(self, connection: Connection) -> None:
        """Wait to be the only writer into the ledger, until the transaction ends."""
        ...

    def make(self) -> None:
        """Make what the first connection needs. Raises OSError or StoreError."""
        ...

    def must_exist(self) -> None:
        """Raise StoreError where there is no desk's database."""
        ...

    def must_take_writes(self, connection: Connection, *, least_free_bytes: int) -> None:
        """Raises ReadOnlyStoreError or DiskFullError where a write would fail."""
        ...

    def translated(self, error: DBAPIError) -> ApiError:
        """The desk's error for one of the driver, without anything that is stored."""
        ...


CONNECTIONS = 12
"""How many one `Database` may have to a server: see `server_connections` in the settings."""

RECORDED = "recorded"
"""The key in `Session.info` of the entries that the session put into the ledger."""


class Database:
    """Sessions on one database. `read` sees one state; `write` is one transaction or nothing.

    One that is `only_read` changes nothing, and leaves a file and its folder as they are.
    """

    def __init__(
        self,
        place: Path | URL,
        *,
        busy_timeout_s: float = 5.0,
        only_read: bool = False,
        connections: int = CONNECTIONS,
    ) -> None:
        self.place = place
        self.server = _server(place, connections)
        self.engine = self.server.engine(timeout_s=busy_timeout_s, only_read=only_read)
        self._reading, self._writing = self.server.reading(self.engine), self.server.writing(self.engine)
        # Writers wait here first for their turn, and so take no connections from readers.
        self._turn, self._timeout_s = threading.Lock(), busy_timeout_s
        self.on_turn: Callable[[float], None] = lambda _: None
        """Gets the seconds that a writer waited for its turn."""
        self.on_commit: Callable[[Sequence[Entry]], None] = lambda _: None
        """Gets the entries that were committed."""
        self._closed = False
        event.listen(self.engine, "checkin", self._on_return)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads. Raises StoreBusyError where the database does not answer."""
        with self._named_errors(), Session(self._reading) as session:
            yield session

    @contextmanager
    def write(self, *, turn: bool = True) -> Iterator[Session]:
        """A session that is committed at the end, and rolled back by any exception. Its rows stay readable.

        It has its turn when it is given: a time taken inside is not older than that of the writer before.
        Without `turn` it waits for nobody, where the database can do that, and must not touch the ledger.
        """
        asked_at = monotonic()
        with (
            self._my_turn() if turn else nullcontext(),
            self._named_errors(),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            connection = session.connection()
            if turn:
                self.server.take_turn(connection)
                self.on_turn(monotonic() - asked_at)
            yield session
        self.on_commit(session.info.get(RECORDED, ()))

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to date, once, however many begin at the same moment.

        Raises StoreError where the database cannot be used, or is not a desk's.
        """
        try:
            self.server.make()
            with self._writing.begin() as connection:
                self.server.take_turn(connection)
                schema_of(connection, self.server)
                command.upgrade(_alembic(connection), revision)
        except (DBAPIError, OSError) as error:
            raise StoreError(
                f"{self.server} cannot be used as the desk's database: {_cause(error)}"
            ) from error

    def close(self) -> None:
        """Close all connections; one that is still at work is closed when it is done."""
        self._closed = True
        self.engine.dispose()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._timeout_s):
            raise StoreBusyError
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # a rule of the tables: the caller that may break it handles it
        except NoConnectionError as error:
            raise StoreBusyError from error
        except DBAPIError as error:
            raise self.server.translated(error) from error

    def _on_return(self, connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        if self._closed and connection is not None:
            entry.invalidate()


@contextmanager
def opened(place: Path | URL) -> Iterator[Database]:
    """An existing database, only to be read: also a copy on a medium that takes no writing."""
    must_exist(place)
    with closing(Database(place, only_read=True)) as database:
        yield database


def must_exist(place: Path | URL) -> None:
    """Raise StoreError where there is none: for commands that a mistyped path must not make create one."""
    _server(place).must_exist()


def schema_of(connection: Connection, called: object) -> str | None:
    """The revision of the desk's schema in this database; None where it is empty.

    Raises StoreError where it is another program's, or of a release that this one does not know.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if not {"alembic_version", "ledger"} <= set(tables):
        raise StoreError(f"{called} is a database, but not a desk's, and stays as it is: check the path")
    revision = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    if revision not in {one.revision for one in ScriptDirectory.from_config(_alembic()).walk_revisions()}:
        raise StoreError(f"{called} has schema {revision}, unknown here: use the release that wrote it")
    return revision


def newest_revision() -> str | None:
    """The revision of the schema that this release reads and writes."""
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def _server(place: Path | URL, connections: int = CONNECTIONS) -> Server:
    return SqliteFile(place) if isinstance(place, Path) else PostgresServer(place, connections)


def _cause(error: DBAPIError | OSError) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def _alembic(connection: Connection | None = None) -> Config:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
