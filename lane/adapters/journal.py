"""The lane's ledger and outbox in one SQLite file, so that one transaction covers both."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from lane.errors import LedgerBrokenError
from lane.ledger import GENESIS, Head, follow, read, verify
from lane.passage import State
from lane.ports import Draft, Parcel, Picture, Standing
from lane.referral import PassageId

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (seq INTEGER PRIMARY KEY, payload TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY REFERENCES ledger) STRICT;
CREATE TABLE IF NOT EXISTS picture (
    seq INTEGER NOT NULL REFERENCES ledger, sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (seq, sha256)
) STRICT;
CREATE TABLE IF NOT EXISTS head (whose TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS standing (
    one INTEGER PRIMARY KEY CHECK (one = 1), passage TEXT NOT NULL, state TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS ledger_is_not_changed BEFORE UPDATE ON ledger
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_is_not_shortened BEFORE DELETE ON ledger
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
"""

_OWN, _DESK = "lane", "desk"


class SqliteJournal:
    """See `lane.ports.Journal`. Opening it verifies the whole chain: a lane does not build on a broken one.

    Raises LedgerBrokenError, also where the file is not a journal or belongs to another lane.
    """

    def __init__(self, path: Path, lane: str) -> None:
        self._lane = lane
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # a commit that returned survives the power
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA secure_delete = ON")  # delivered pictures leave no bytes behind
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise LedgerBrokenError(f"{path} is not a lane's journal: {error}") from error
        self.verify()

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def verify(self) -> Head:
        """Walk the chain. Raises LedgerBrokenError for what is changed, missing, moved or cut off."""
        rows = self._db.execute("SELECT payload, hash FROM ledger ORDER BY seq")
        return verify(rows, chain=self._lane, witnessed=[self._head(_OWN)])

    def payloads(self) -> list[tuple[str, str]]:
        """Every entry's payload and hash, in order."""
        return list(self._db.execute("SELECT payload, hash FROM ledger ORDER BY seq"))

    def record(
        self,
        drafts: Sequence[Draft],
        *,
        at: datetime,
        standing: Standing | None = None,
        pictures: Sequence[Picture] = (),
    ) -> None:
        """See `lane.ports.Journal.record`."""
        with self._transaction():
            head = self._head(_OWN)
            for draft in drafts:
                entry = follow(head, chain=self._lane, at=at, kind=draft.kind, body=draft.body)
                head = entry.head
                self._db.execute(
                    "INSERT INTO ledger VALUES (?, ?, ?)", (entry.seq, entry.payload, entry.hash)
                )
                self._db.execute("INSERT INTO outbox VALUES (?)", (entry.seq,))
            self._db.executemany(
                "INSERT OR IGNORE INTO picture VALUES (?, ?, ?, ?)",
                [(head.seq, one.sha256, one.media_type, one.content) for one in pictures],
            )
            self._keep_head(_OWN, head)
            if standing is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO standing VALUES (1, ?, ?)", (standing.passage, standing.state)
                )

    def pending(self, limit: int) -> Sequence[Parcel]:
        """See `lane.ports.Journal.pending`."""
        rows = self._db.execute(
            "SELECT payload, hash FROM ledger JOIN outbox USING (seq) ORDER BY seq LIMIT ?", (limit,)
        ).fetchall()
        entries = [read(payload, hash_) for payload, hash_ in rows]
        return [Parcel(entry, self._pictures(entry.seq)) for entry in entries]

    def confirmed(self, through_seq: int, desk_head: Head) -> None:
        """See `lane.ports.Journal.confirmed`."""
        with self._transaction():
            self._db.execute("DELETE FROM outbox WHERE seq <= ?", (through_seq,))
            self._db.execute("DELETE FROM picture WHERE seq <= ?", (through_seq,))
            self._keep_head(_DESK, desk_head)

    def unfinished(self) -> Standing | None:
        """See `lane.ports.Journal.unfinished`."""
        row = self._db.execute("SELECT passage, state FROM standing").fetchone()
        if row is None or State(row[1]) is State.CLOSED:
            return None
        return Standing(PassageId(row[0]), State(row[1]))

    def desk_head(self) -> Head | None:
        """See `lane.ports.Journal.desk_head`."""
        head = self._head(_DESK)
        return None if head == GENESIS else head

    def _pictures(self, seq: int) -> tuple[Picture, ...]:
        rows = self._db.execute("SELECT sha256, media_type, content FROM picture WHERE seq = ?", (seq,))
        return tuple(Picture(*row) for row in rows)

    def _head(self, whose: str) -> Head:
        row = self._db.execute("SELECT seq, hash FROM head WHERE whose = ?", (whose,)).fetchone()
        return Head(*row) if row else GENESIS

    def _keep_head(self, whose: str, head: Head) -> None:
        self._db.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?)", (whose, head.seq, head.hash))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
