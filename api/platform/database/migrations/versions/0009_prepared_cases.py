"""Prepared cases: known truth, their sealed images, who saw them, and alarms about how officers decide."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _cases()
    _seeded()
    _alarms()


def _cases() -> None:
    op.create_table(
        "prepared_cases",
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("truth", sa.String(length=16), nullable=False),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("judged", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("case", name=op.f("pk_prepared_cases")),
    )
    op.create_table(
        "prepared_images",
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["prepared_cases.case"], name=op.f("fk_prepared_images_case")),
        sa.PrimaryKeyConstraint("case", "sha256", name=op.f("pk_prepared_images")),
    )


def _seeded() -> None:
    op.create_table(
        "seeded_reviews",
        sa.Column("passage", sa.String(length=64), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("officer", sa.String(length=32), nullable=False),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.String(length=12), nullable=True),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=32), nullable=True),
        sa.Column("ground", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case"], ["prepared_cases.case"], name=op.f("fk_seeded_reviews_case")),
        sa.ForeignKeyConstraint(["officer"], ["officers.pseudonym"], name=op.f("fk_seeded_reviews_officer")),
        sa.PrimaryKeyConstraint("passage", name=op.f("pk_seeded_reviews")),
    )
    op.create_index(op.f("ix_seeded_reviews_case"), "seeded_reviews", ["case"])
    op.create_index(op.f("ix_seeded_reviews_officer_decided_at"), "seeded_reviews", ["officer", "decided_at"])


def _alarms() -> None:
    op.create_table(
        "quality_alarms",
        sa.Column("officer", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer"], ["officers.pseudonym"], name=op.f("fk_quality_alarms_officer")),
        sa.PrimaryKeyConstraint("officer", "kind", name=op.f("pk_quality_alarms")),
    )
