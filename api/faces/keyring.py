"""The keyring: one wrapped data key a passage, apart from the database and from every backup of it.

Destroying a passage's key erases its images for good, in each copy of the database that there is. So the
keyring is a file of its own (`<database>.keys`), or on a server a schema of its own, and is not backed up.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import (
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    event,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from api.faces.kms import TransitKey
from api.faces.sealing import GivenKey, KeyEncryption, KeyFile, KeySource, new_key
from api.platform.database.database import Database
from api.platform.database.tables import Moment
from api.platform.errors import (
    KeyLostError,
    KeyringError,
    KeyWrongError,
    SettingsError,
    StoreBusyError,
    StoreError,
)
from api.platform.settings import Settings
from lane.platform.settings_section import is_loopback

SCHEMA = "keyring"


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key that seals the images of one passage, plain and as the keyring stores it."""

    secret: bytes = field(repr=False)
    wrapped: bytes


class Keyring:
    """Data keys by passage. Nothing is opened before `prepare`; no data key is kept in memory."""

    def __init__(self, database: Database, source: KeySource) -> None:
        self.place, self.source = database.place, source
        self._database = database
        self._on_server = self._database.engine.dialect.name != "sqlite"
        self._metadata = MetaData(schema=SCHEMA if self._on_server else None)
        self._keys, self._head = _tables(self._metadata)
        self._kek: KeyEncryption | None = None
        if not self._on_server:
            event.listen(self._database.engine, "connect", _delete_securely)

    def prepare(self) -> None:
        """Make the keyring where there is none, and get the key-encryption key.

        Raises SettingsError where that is not the one that wrapped the keys, KeyringError or StoreError.
        """
        try:
            self._database.server.make()
            # With the turn: of several workers that start at once, one makes it.
            with self._database.write() as session:
                if self._on_server:
                    session.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                self._metadata.create_all(session.connection())
                identity = session.scalar(select(self._head.c.identity))
                self._kek = self.source.current(identity)
                if identity is None:
                    session.execute(insert(self._head).values(one="1", identity=self._kek.identity))
        except OSError as error:
            raise KeyringError(f"the keyring cannot be used: {type(error).__name__}") from error

    def key_for(self, passage: str, *, at: datetime) -> DataKey:
        """The passage's key, made where there is none.

        It may ask a key management service, which may be slow: not while others wait for the turn to write.
        Raises KeyWrongError or KeyringError.
        """
        with self._database.write(turn=False) as session:
            wrapped = self._wrapped(session, passage)
            kek = self._kek_of(session, share=True)
            if wrapped is not None:
                return DataKey(kek.unwrap(wrapped, passage), wrapped)
            key = new_key()
            wrapped = kek.wrap(key, passage)
            session.execute(insert(self._keys).values(passage=passage, wrapped=wrapped, made_at=at))
            return DataKey(key, wrapped)

    def has(self, passage: str, key: DataKey) -> bool:
        """Whether this is still the passage's key; asks no service."""
        with self._database.read() as session:
            return self._wrapped(session, passage) == key.wrapped

    def key_of(self, passage: str) -> bytes:
        """The passage's key. Raises KeyLostError, KeyWrongError or KeyringError."""
        with self._database.read() as session:
            wrapped = self._wrapped(session, passage)
            if wrapped is None:
                raise KeyLostError
            return self._kek_of(session).unwrap(wrapped, passage)

    def destroy(self, passages: Iterable[str]) -> None:
        """Destroy these keys for good: what they sealed can never be opened again."""
        with self._database.write(turn=False) as session:
            session.execute(delete(self._keys).where(self._keys.c.passage.in_(list(passages))))
        self.tidy()

    def passages(self) -> set[str]:
        with self._database.read() as session:
            return set(session.scalars(select(self._keys.c.passage)))

    def rewrap(self, kek: KeyEncryption) -> int:
        """Wrap all keys with another key-encryption key, or none; return how many.

        Raises KeyWrongError or KeyringError.
        """
        with self._database.write(turn=False) as session:
            before = self._kek_of(session, share=False)
            rows = session.execute(select(self._keys.c.passage, self._keys.c.wrapped)).all()
            for passage, wrapped in rows:
                again = kek.wrap(before.unwrap(wrapped, passage), passage)
                session.execute(
                    update(self._keys).where(self._keys.c.passage == passage).values(wrapped=again)
                )
            session.execute(update(self._head).values(identity=kek.identity))
        self._kek = kek
        self.tidy()
        return len(rows)

    def is_there(self) -> bool:
        """Whether there is a keyring, without making one."""
        try:
            with self._database.read() as session:
                return inspect(session.connection()).has_table(self._keys.name, self._keys.schema)
        except (StoreError, StoreBusyError):
            return False

    def must_open(self) -> None:
        """Raises KeyringError or KeyWrongError where no key could be read now."""
        with self._database.read() as session:
            self._kek_of(session)

    @property
    def identity(self) -> str | None:
        """The identity of the key-encryption key; None before there is one."""
        with self._database.read() as session:
            return session.scalar(select(self._head.c.identity))

    def tidy(self) -> None:
        """Remove what was deleted from SQLite's log too; during a read, that is left to the next call."""
        if not self._on_server:
            with self._database.engine.connect() as connection:
                connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        self._database.close()

    def _kek_of(self, session: Session, *, share: bool | None = None) -> KeyEncryption:
        """The key-encryption key that is in use now: another process may have changed it since the start."""
        asked = select(self._head.c.identity)
        if share is not None:  # while a key is added, none is rewrapped, and the other way round
            asked = asked.with_for_update(read=share)
        identity = session.scalar(asked)
        if identity is None:
            raise KeyringError("the keyring has lost its head row")
        if self._kek is None or self._kek.identity != identity:
            try:
                self._kek = self.source.current(identity)
            except SettingsError as error:
                raise KeyWrongError from error
        return self._kek

    def _wrapped(self, session: Session, passage: str) -> bytes | None:
        found: bytes | None = session.scalar(
            select(self._keys.c.wrapped).where(self._keys.c.passage == passage)
        )
        return found


@contextmanager
def opened_keyring(settings: Settings) -> Iterator[Keyring | None]:
    """An existing keyring, only to be read; None where there is none: nothing is made."""
    with closing(keyring_of(settings, only_read=True)) as keyring:
        yield keyring if keyring.is_there() else None


def keyring_of(settings: Settings, *, only_read: bool = False) -> Keyring:
    """The keyring that the settings name. Nothing is opened yet. Raises SettingsError."""
    database = settings.database
    place = settings.keyring or (
        database.with_name(f"{database.name}.keys") if isinstance(database, Path) else database
    )
    source = _source(settings)
    kept = Database(
        place,
        busy_timeout_s=settings.busy_timeout_s,
        only_read=only_read,
        connections=settings.server_connections,
    )
    return Keyring(kept, source)


def _source(settings: Settings) -> KeySource:
    if (address := settings.kms_address) is None:
        if settings.kek is not None:
            return GivenKey(settings.kek.get_secret_value())
        return KeyFile(settings.kek_file or settings.key_file("kek"))
    if settings.kms_token is None:
        raise SettingsError("kms_token: the key management service asks for one")
    if not address.startswith("https://") and not is_loopback(urlsplit(address).hostname or ""):
        raise SettingsError("kms_address: keys travel there: use https:// beyond this machine")
    return TransitKey(address, settings.kms_key, settings.kms_token.get_secret_value())


def _tables(metadata: MetaData) -> tuple[Table, Table]:
    keys = Table(
        "keys",
        metadata,
        Column("passage", String(64), primary_key=True),
        Column("wrapped", LargeBinary, nullable=False),
        Column("made_at", Moment, nullable=False),
    )
    head = Table(
        "key_encryption",
        metadata,
        Column("one", String(1), primary_key=True),
        Column("identity", String(128), nullable=False),
    )
    return keys, head


def _delete_securely(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()
