"""Proofs of the ledger: signed heads, inclusion, consistency."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from api.ledger import chain, signing
from api.ledger.tree import Tree
from api.ledger.tree_head import SigningKey, TreeHead, key_at
from api.platform.database.database import Database
from api.platform.errors import NotInLedgerError
from api.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The proof that an entry is among the first `size`."""

    seq: int
    size: int
    leaf: bytes
    path: tuple[bytes, ...]


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
            signing.announce(session, key, at=self.clock())

    def head(self) -> TreeHead:
        """A signed head of the whole ledger: the one that is there, or a new one where it grew."""
        key = key_at(self.key_file)
        with self.database.read() as session:
            if known := _current_head(session, key):
                return known
        with self.database.write() as session:
            # Another worker may have signed one meanwhile.
            return _current_head(session, key) or signing.sign(session, key, at=self.clock())

    def inclusion(self, seq: int, size: int) -> Inclusion:
        """The proof that entry `seq` is among the first `size`. Raises NotInLedgerError."""
        with self.database.read() as session:
            if not 1 <= seq <= size <= chain.head(session).seq:
                raise NotInLedgerError
            tree = Tree(session)
            return Inclusion(seq, size, tree.leaf(seq), tuple(tree.inclusion(seq, size)))

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the first `first` of `second` entries were always those. Raises NotInLedgerError."""
        with self.database.read() as session:
            if not 0 <= first <= second <= chain.head(session).seq:
                raise NotInLedgerError
            return Tree(session).consistency(first, second)


def _current_head(session: Session, key: SigningKey) -> TreeHead | None:
    """The head that is signed already, unless the ledger grew or has yet to announce the key."""
    known = signing.newest(session)
    grew = known is None or known.size != chain.head(session).seq
    return None if grew or signing.announced_at(session, key.public) is None else known


def key_file(settings: Settings) -> Path:
    """The path of the signing key. Raises SettingsError where no setting gives one."""
    return settings.ledger_key or settings.key_file("ledger-key")
