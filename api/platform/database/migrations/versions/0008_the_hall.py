"""The hall: how each lane stands, what is wanted of it, and how much passed, by the minute."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lane_status",
        _lane("lane_status"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_lane_status")),
    )
    op.create_table(
        "lane_commands",
        _lane("lane_commands"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["officers.pseudonym"], name=op.f("fk_lane_commands_by")),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_lane_commands")),
    )
    op.create_table(
        "lane_minutes",
        _lane("lane_minutes"),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("admitted", sa.Integer(), nullable=False),
        sa.Column("referred", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "minute", name=op.f("pk_lane_minutes")),
    )
    op.create_index(op.f("ix_lane_minutes_minute"), "lane_minutes", ["minute"])


def _lane(table: str) -> "sa.Column[str]":
    key = sa.ForeignKey("lanes.id", name=op.f(f"fk_{table}_lane"))
    return sa.Column("lane", sa.String(length=64), key, nullable=False)
