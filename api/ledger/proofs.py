"""Signed heads of the ledger as they are kept, and proofs of it: inclusion, consistency."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.ledger import chain
from api.ledger.tree import Tree
from api.ledger.tree_head import SigningKey, TreeHead, key_at
from api.platform.database.database import Database
from api.platform.database.tables import SigningKeyRow, TreeHeadRow
from api.platform.errors import NotInLedgerError
from api.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Proofs:
    """Proofs of one ledger, signed with the key in `key_file`."""

    database: Database
    key_file: Path
    clock: Callable[[], datetime]

    def announce(self) -> None:
        """Make the key where there is none, and put it into the ledger. Raises SettingsError."""
        key = key_at(self.key_file)
        with self.database.write() as session:
            announce_key(session, key, at=self.clock())

    def head(self) -> TreeHead:
        """A signed head of the whole ledger: the one that is there, or a new one where it grew."""
        key = key_at(self.key_file)
        with self.database.read() as session:
            if known := _current_head(session, key):
                return known
        with self.database.write() as session:
            # Another worker may have signed one meanwhile.
            return _current_head(session, key) or sign_head(session, key, at=self.clock())

    def inclusion(self, seq: int, size: int) -> tuple[bytes, list[bytes]]:
        """The leaf of an entry, and the proof that it is among the first `size`. Raises NotInLedgerError."""
        with self.database.read() as session:
            if not 1 <= seq <= size <= chain.head(session).seq:
                raise NotInLedgerError
            tree = Tree(session)
            return tree.leaf(seq), tree.inclusion(seq, size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the first `first` of `second` entries were always those. Raises NotInLedgerError."""
        with self.database.read() as session:
            if not 0 <= first <= second <= chain.head(session).seq:
                raise NotInLedgerError
            return Tree(session).consistency(first, second)


def announce_key(session: Session, key: SigningKey, *, at: datetime) -> None:
    """Put a key into the ledger, once: a head that another key signed is then nobody's."""
    if session.get(SigningKeyRow, key.public) is None:
        body = {"key": key.public, "algorithm": "ed25519"}
        entry = chain.append(session, "ledger.key", body, at=at)
        session.add(SigningKeyRow(key=key.public, seq=entry.seq))
        session.flush()


def sign_head(session: Session, key: SigningKey, *, at: datetime) -> TreeHead:
    """The signed head of the ledger as it stands now, and keep it. `session` must be one that writes."""
    announce_key(session, key, at=at)
    size = chain.head(session).seq
    head = key.sign(size, Tree(session).root(size), at)
    session.add(TreeHeadRow(size=size, root=head.root, at=at, key=head.key, signature=head.signature))
    session.flush()
    return head


def newest(session: Session) -> TreeHead | None:
    """The signed head of the most entries."""
    row = session.scalars(select(TreeHeadRow).order_by(TreeHeadRow.size.desc()).limit(1)).one_or_none()
    return as_head(row) if row else None


def announced_at(session: Session, key: str) -> int | None:
    """The entry that announced a key."""
    row = session.get(SigningKeyRow, key)
    return row.seq if row else None


def as_head(row: TreeHeadRow) -> TreeHead:
    return TreeHead(row.size, row.root, row.at, row.key, row.signature)


def key_file(settings: Settings) -> Path:
    """The path of the signing key. Raises SettingsError where no setting gives one."""
    return settings.ledger_key or settings.key_file("ledger-key")


def _current_head(session: Session, key: SigningKey) -> TreeHead | None:
    """The head that is signed already, unless the ledger grew or has yet to announce the key."""
    known = newest(session)
    grew = known is None or known.size != chain.head(session).seq
    return None if grew or announced_at(session, key.public) is None else known
