"""The first tables, and a ledger that SQLite itself refuses to change."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _lanes()
    _ledger()
    _officers()
    _referrals()
    if op.get_context().dialect.name == "sqlite":
        _refuse_change()


def _lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("head_seq", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lanes")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_lanes_token_sha256")),
    )
    op.create_table(
        "images",
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lane"], ["lanes.id"], name=op.f("fk_images_lane")),
        sa.PrimaryKeyConstraint("lane", "sha256", name=op.f("pk_images")),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=64), nullable=True),
        sa.Column("lane_seq", sa.Integer(), nullable=True),
        sa.Column("passage", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger")),
    )
    op.create_index("ix_ledger_lane_lane_seq", "ledger", ["lane", "lane_seq"], unique=True)
    op.create_index("ix_ledger_passage", "ledger", ["passage"], unique=False)
    op.create_table(
        "ledger_head",
        sa.Column("chain", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_ledger_head")),
    )
    head = sa.table("ledger_head", sa.column("chain"), sa.column("seq"), sa.column("hash"))
    op.execute(head.insert().values(chain="desk", seq=0, hash="0" * 64))


def _officers() -> None:
    op.create_table(
        "officers",
        sa.Column("pseudonym", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("pseudonym", name=op.f("pk_officers")),
        sa.UniqueConstraint("name", name=op.f("uq_officers_name")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("officer", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer"], ["officers.pseudonym"], name=op.f("fk_sessions_officer")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_officer", "sessions", ["officer"], unique=False)


def _referrals() -> None:
    op.create_table(
        "referrals",
        sa.Column("passage", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gravity", sa.Integer(), nullable=False),
        sa.Column("judged", sa.Text(), nullable=False),
        sa.Column("ended", sa.String(length=64), nullable=True),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.String(length=32), nullable=True),
        sa.Column("ground", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["claimed_by"], ["officers.pseudonym"], name=op.f("fk_referrals_claimed_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["officers.pseudonym"], name=op.f("fk_referrals_decided_by")),
        sa.ForeignKeyConstraint(["lane"], ["lanes.id"], name=op.f("fk_referrals_lane")),
        sa.PrimaryKeyConstraint("passage", name=op.f("pk_referrals")),
        sa.UniqueConstraint("decision", name=op.f("uq_referrals_decision")),
    )
    op.create_index(
        "ix_referrals_queue", "referrals", ["decision", "ended", "gravity", "opened_at"], unique=False
    )


def _refuse_change() -> None:
    # A second line against slips: whoever can write the file can drop a trigger, but not forge the hashes.
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_refuses_{change.lower()} BEFORE {change} ON ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
