"""A prepared case is reviewed like any other: each claim begins blind, and nothing is said before a look."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SEEDED = sa.table(
    "seeded_reviews",
    sa.column("claimed_at"),
    sa.column("verdict"),
    sa.column("claims"),
    sa.column("step"),
    sa.column("shown"),
)


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("seeded_reviews") as table:
        table.add_column(sa.Column("claims", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("step", sa.String(length=8), server_default="blind", nullable=False))
        table.add_column(sa.Column("shown", sa.Boolean(), server_default=sa.false(), nullable=False))
    taken = _SEEDED.c.claimed_at.is_not(None)
    op.execute(_SEEDED.update().where(taken).values(claims=1, shown=sa.true()))
    op.execute(_SEEDED.update().where(_SEEDED.c.verdict.is_not(None)).values(step="revealed"))
