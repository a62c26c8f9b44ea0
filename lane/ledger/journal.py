"""The lane's ledger and outbox in one SQLite file, so that one transaction covers both."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from lane.decision.passage_states import State
from lane.decision.referral import PassageId
from lane.ledger.chain import verify
from lane.ledger.entry import GENESIS, Draft, Entry, Head, Picture, follow, read
from lane.platform.errors import (
    RESTORED,
    DeskRefusedError,
    JournalError,
    JournalInUseError,
    LedgerBrokenError,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (seq INTEGER PRIMARY KEY, payload TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY REFERENCES ledger) STRICT;
CREATE TABLE IF NOT EXISTS picture (
    seq INTEGER NOT NULL REFERENCES ledger, sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (seq, sha256)
) STRICT;
CREATE TABLE IF NOT EXISTS head (
    one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS witnessed (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS recovery (one INTEGER PRIMARY KEY CHECK (one = 1), through INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS standing (
    one INTEGER PRIMARY KEY CHECK (one = 1), passage TEXT NOT NULL, state TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS recordings (folder TEXT PRIMARY KEY) STRICT;
CREATE TRIGGER IF NOT EXISTS ledger_is_not_changed BEFORE UPDATE ON ledger
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_is_not_shortened BEFORE DELETE ON ledger
    BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
"""

_OF_THE_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


@dataclass(frozen=True, slots=True)
class UndeliveredEntry:
    """An entry that the desk has not confirmed, with its pictures."""

    entry: Entry
    pictures: tuple[Picture, ...]
    dropped: tuple[str, ...] = ()
    """Its pictures that the lane has dropped, by their SHA-256."""


@dataclass(frozen=True, slots=True)
class Standing:
    passage: PassageId
    state: State


class SqliteJournal:
    """Every call is all or nothing, and durable once it returns.

    Opening it verifies the whole chain: a lane does not build on a broken one. Raises LedgerBrokenError, also
    where the file is not a journal or belongs to another lane; JournalError where it cannot be opened,
    JournalInUseError where another process has it.
    """

    def __init__(self, path: Path, lane: str) -> None:
        self._lane = lane
        with ExitStack() as opened:
            opened.callback(os.close, _locked(path))
            self._db = _connected(path, opened)
            self.verify()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; closing twice is no error."""
        self._opened.close()

    def verify(self) -> Head:
        """Walk the chain. Raises LedgerBrokenError for what is changed, missing, moved or cut off."""
        try:
            return verify(self.payloads(), chain=self._lane, witnessed=[self._head()])
        except sqlite3.Error as error:
            raise LedgerBrokenError(f"the journal is damaged: {error}") from error

    def payloads(self) -> Iterator[tuple[str, str]]:
        """Every entry's payload and hash, in order."""
        return self._db.execute("SELECT payload, hash FROM ledger ORDER BY seq")

    def record(
        self,
        drafts: Sequence[Draft],
        *,
        at: datetime,
        standing: Standing | None = None,
        pictures: Sequence[Picture] = (),
    ) -> None:
        """Append facts with the state and the last one's pictures, and fill the outbox: all or nothing."""
        with self._transaction():
            last = self._append(drafts, at=at)
            self._db.executemany(
                "INSERT OR IGNORE INTO picture VALUES (?, ?, ?, ?)",
                [(last.seq, one.sha256, one.media_type, one.content) for one in pictures],
            )
            if standing is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO standing VALUES (1, ?, ?)", (standing.passage, standing.state)
                )

    def pending(self, limit: int) -> Sequence[UndeliveredEntry]:
        """The oldest entries that the desk has not confirmed."""
        rows = self._rows(
            "SELECT payload, hash FROM ledger JOIN outbox USING (seq) ORDER BY seq LIMIT ?", limit
        )
        entries = [read(payload, hash_) for payload, hash_ in rows]
        return [
            UndeliveredEntry(entry, self._pictures(entry.seq), self._dropped(entry.seq)) for entry in entries
        ]

    def waiting(self) -> int:
        """How many entries the desk has not confirmed."""
        ((number,),) = self._rows("SELECT count(*) FROM outbox")
        return int(number)

    def last(self, kind: str) -> Mapping[str, Any] | None:
        """The body of the last fact of this kind, or None where there is none."""
        rows = self._rows(
            "SELECT payload, hash FROM ledger WHERE json_extract(payload, '$.kind') = ? "
            "ORDER BY seq DESC LIMIT 1",
            kind,
        )
        return read(*rows[0]).body if rows else None

    def newest(self) -> datetime | None:
        """When the last fact was written down; None where there is none."""
        rows = self._rows("SELECT payload, hash FROM ledger ORDER BY seq DESC LIMIT 1")
        return read(*rows[0]).at if rows else None

    def confirmed(self, through_seq: int, desk_head: Head) -> None:
        """The desk has all up to this entry: remove them from the outbox, keep the desk's head as a witness.

        Raises DeskRefusedError where the desk's ledger went back behind a head that was witnessed before.
        """
        with self._transaction():
            self._witness(desk_head)
            self._db.execute("DELETE FROM outbox WHERE seq <= ?", (through_seq,))
            self._db.execute("DELETE FROM recovery WHERE through IS NULL OR through <= ?", (through_seq,))
            faces = self._db.execute("DELETE FROM picture WHERE seq <= ?", (through_seq,)).rowcount
        if faces:
            self._leave_no_bytes()

    def drop_pictures(self, before: datetime, *, at: datetime) -> int:
        """Drop waiting pictures of facts up to that moment, and record it. Returns how many."""
        waiting = self._rows(
            "SELECT DISTINCT seq, payload, hash FROM ledger JOIN picture USING (seq) WHERE length(content)"
        )
        old = [entry for entry in (read(*row[1:]) for row in waiting) if entry.at <= before]
        if not old:
            return 0
        with self._transaction():
            dropped = [self._drop(entry, at=at) for entry in old]
        self._leave_no_bytes()
        return sum(dropped)

    def note_recordings(self, folder: str) -> None:
        """Remember a folder into which recordings go."""
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO recordings VALUES (?)", (folder,))

    def recordings_in(self) -> Sequence[str]:
        """Every folder into which recordings went."""
        return [folder for (folder,) in self._rows("SELECT folder FROM recordings ORDER BY folder")]

    def accept_desk(self, head: Head, *, at: datetime) -> Head:
        """A person says that the desk was restored and stands at this head; return the one it stood at.

        The ledger keeps both. Raises DeskRefusedError where the desk's ledger did not go back.
        """
        with self._transaction():
            last = self._witnessed()
            if last is None or head.seq > last.seq or head == last:
                raise DeskRefusedError("this lane knows of no later ledger of the desk: nothing to accept")
            body = {"head": str(head), "instead_of": str(last)}
            self._append([Draft("desk.accepted", body)], at=at)
            self._db.execute("DELETE FROM witnessed WHERE seq >= ?", (head.seq,))
            self._witness(head)
            self._db.execute("INSERT OR REPLACE INTO recovery VALUES (1, NULL)")
        return last

    def go_back(self, desk_has: Head) -> bool:
        """Put what a restored desk lacks into the outbox again, where a person has accepted that desk.

        False where nobody has. Raises DeskRefusedError where the desk has another chain than this one.
        """
        with self._transaction():
            row = self._db.execute("SELECT through FROM recovery").fetchone()
            if row is None:
                return False
            known = self._db.execute("SELECT hash FROM ledger WHERE seq = ?", (desk_has.seq,)).fetchone()
            if desk_has != GENESIS and known != (desk_has.hash,):
                raise DeskRefusedError("the desk has another chain of this lane than the lane itself")
            self._db.execute(
                "UPDATE recovery SET through = (SELECT min(seq) - 1 FROM outbox) WHERE through IS NULL"
            )
            self._db.execute(
                "INSERT OR IGNORE INTO outbox SELECT seq FROM ledger WHERE seq > ?", (desk_has.seq,)
            )
        return True

    def recovered_through(self) -> int | None:
        """The last entry that is delivered again to a restored desk; None where nothing is."""
        rows = self._rows("SELECT through FROM recovery")
        return rows[0][0] if rows else None

    def unfinished(self) -> Standing | None:
        """The passage that was under way when the lane stopped."""
        rows = self._rows("SELECT passage, state FROM standing")
        if not rows or State(rows[0][1]) is State.CLOSED:
            return None
        return Standing(PassageId(rows[0][0]), State(rows[0][1]))

    def desk_heads(self) -> Sequence[Head]:
        """Every head that the desk has confirmed, oldest first: its ledger is checked against them."""
        return [Head(*row) for row in self._db.execute("SELECT seq, hash FROM witnessed ORDER BY seq")]

    def _append(self, drafts: Sequence[Draft], *, at: datetime) -> Head:
        head = self._head()
        for draft in drafts:
            entry = follow(head, chain=self._lane, at=at, kind=draft.kind, body=draft.body)
            head = entry.head
            self._db.execute("INSERT INTO ledger VALUES (?, ?, ?)", (entry.seq, entry.payload, entry.hash))
            self._db.execute("INSERT INTO outbox VALUES (?)", (entry.seq,))
        self._db.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (head.seq, head.hash))
        return head

    def _drop(self, entry: Entry, *, at: datetime) -> int:
        images = [picture.sha256 for picture in self._pictures(entry.seq)]
        # The row stays, without its picture: the desk learns that it will not come.
        self._db.execute("UPDATE picture SET content = x'' WHERE seq = ?", (entry.seq,))
        body = {"passage": entry.body.get("passage"), "images": images, "because": "retention"}
        self._append([Draft("pictures.dropped", body)], at=at)
        return len(images)

    def _leave_no_bytes(self) -> None:
        self._rows("PRAGMA wal_checkpoint(TRUNCATE)")  # nor in the log

    def _pictures(self, seq: int) -> tuple[Picture, ...]:
        rows = self._rows(
            "SELECT sha256, media_type, content FROM picture WHERE seq = ? AND length(content) > 0", seq
        )
        return tuple(Picture(*row) for row in rows)

    def _dropped(self, seq: int) -> tuple[str, ...]:
        rows = self._rows("SELECT sha256 FROM picture WHERE seq = ? AND length(content) = 0", seq)
        return tuple(sha256 for (sha256,) in rows)

    def _head(self) -> Head:
        row = self._db.execute("SELECT seq, hash FROM head").fetchone()
        return Head(*row) if row else GENESIS

    def _witnessed(self) -> Head | None:
        last = self._db.execute("SELECT seq, hash FROM witnessed ORDER BY seq DESC LIMIT 1").fetchone()
        return Head(*last) if last else None

    def _witness(self, head: Head) -> None:
        last = self._witnessed()
        if last is not None and (head.seq < last.seq or (head.seq == last.seq and head.hash != last.hash)):
            raise DeskRefusedError(
                f"the desk's ledger went back: it was at {last.seq}, it says {head.seq}; {RESTORED}"
            )
        self._db.execute("INSERT OR IGNORE INTO witnessed VALUES (?, ?)", (head.seq, head.hash))

    def _rows(self, query: str, *values: object) -> list[Any]:
        """Raises JournalError where the disk does not give them."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"the journal cannot be read: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing. Raises JournalError where the disk does not take it: then nothing has happened."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalError(f"the journal cannot be written: {error}") from error
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def _connected(path: Path, opened: ExitStack) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=10)
        opened.callback(db.close)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # a commit that returned survives the power
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")  # delivered pictures leave no bytes behind
        db.executescript(_SCHEMA)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_DISK:
            raise JournalError(f"the journal {path} cannot be written: {error}") from error
        raise LedgerBrokenError(f"{path} is not a lane's journal: {error}") from error
    return db


def _locked(path: Path) -> int:
    """The journal's lock file, held; made readable by this user alone, as the journal beside it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise JournalInUseError(f"another process has the journal {path}: one lane, one journal") from error
    except OSError as error:
        os.close(lock)
        raise JournalError(f"the journal {path} cannot be locked: {error.strerror}") from error
    return lock
