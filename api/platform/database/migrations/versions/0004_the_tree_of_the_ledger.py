"""The ledger as a tree: its tiles, made anew from what is there, and room for signed heads."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WIDTH = 256


def upgrade() -> None:
    """Apply."""
    tiles = op.create_table(
        "ledger_tiles",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_ledger_tiles")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "tree_heads",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["signing_keys.key"], name=op.f("fk_tree_heads_key")),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_tree_heads")),
    )
    _fill(tiles)


def _fill(tiles: sa.Table) -> None:
    level, hashes = 0, _tiles_of_leaves(tiles)
    while hashes:
        level += 1
        rows = [b"".join(hashes[start : start + _WIDTH]) for start in range(0, len(hashes), _WIDTH)]
        for number, row in enumerate(rows):
            op.execute(tiles.insert().values(level=level, number=number, hashes=row))
        hashes = [_root(row) for row in rows if len(row) == _WIDTH * 32]


def _tiles_of_leaves(tiles: sa.Table) -> list[bytes]:
    """Write the tiles of level 0 and return the root of each."""
    connection, roots = op.get_bind(), []
    ledger = sa.table("ledger", sa.column("seq"), sa.column("hash"))
    entries = connection.scalar(sa.select(sa.func.count()).select_from(ledger)) or 0
    for number in range(entries // _WIDTH):
        first = number * _WIDTH + 1
        these = sa.select(ledger.c.hash).where(ledger.c.seq.between(first, first + _WIDTH - 1))
        found = connection.scalars(these.order_by(ledger.c.seq)).all()
        row = b"".join(hashlib.sha256(b"\x00" + bytes.fromhex(entry)).digest() for entry in found)
        op.execute(tiles.insert().values(level=0, number=number, hashes=row))
        roots.append(_root(row))
    return roots


def _root(row: bytes) -> bytes:
    hashes = [row[start : start + 32] for start in range(0, len(row), 32)]
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]
