"""Signed tree heads as they are kept, and the keys that the ledger has announced."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.ledger import chain
from api.ledger.tree import Tree
from api.ledger.tree_head import SigningKey, TreeHead
from api.platform.database.tables import SigningKeyRow, TreeHeadRow


def announce(session: Session, key: SigningKey, *, at: datetime) -> None:
    """Put a key into the ledger, once: a head that another key signed is then nobody's."""
    if session.get(SigningKeyRow, key.public) is None:
        body = {"key": key.public, "algorithm": "ed25519"}
        entry = chain.append(session, "ledger.key", body, at=at)
        session.add(SigningKeyRow(key=key.public, seq=entry.seq))
        session.flush()


def sign(session: Session, key: SigningKey, *, at: datetime) -> TreeHead:
    """The signed head of the ledger as it stands now, and keep it. `session` must be one that writes."""
    announce(session, key, at=at)
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
