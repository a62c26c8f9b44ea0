"""Counts of the matcher in service, by the hour, and the alarms that they raise."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COUNTS = (
    "passengers",
    "passengers_matched",
    "compared",
    "matched",
    "skipped",
    "skipped_matched",
    "recognised",
    "unrecognised",
    "undecided",
    "strangers_stopped",
    "strangers_matched",
    "both_match",
    "both_not",
    "disagree",
)


def upgrade() -> None:
    """Apply."""
    _series()
    _counts()
    _alarms()


def _series() -> None:
    op.create_table(
        "evaluation_series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("matcher", sa.String(length=128), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("preprocessing", sa.String(length=64), nullable=False),
        sa.Column("group", sa.String(length=8), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fmr_limit", sa.Double(), nullable=True),
        sa.Column("fnmr_limit", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_series")),
        sa.UniqueConstraint(
            "lane",
            "matcher",
            "sha256",
            "preprocessing",
            "group",
            name=op.f("uq_evaluation_series_lane_matcher_sha256_preprocessing_group"),
        ),
    )


def _counts() -> None:
    op.create_table(
        "evaluation_counts",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shadow", sa.String(length=128), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.ForeignKeyConstraint(
            ["series"], ["evaluation_series.id"], name=op.f("fk_evaluation_counts_series")
        ),
        sa.PrimaryKeyConstraint("series", "hour", "shadow", name=op.f("pk_evaluation_counts")),
    )


def _alarms() -> None:
    op.create_table(
        "evaluation_alarms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("rate", sa.String(length=8), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("passengers", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Double(), nullable=False),
        sa.Column("acknowledged_by", sa.String(length=32), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["acknowledged_by"], ["officers.pseudonym"], name=op.f("fk_evaluation_alarms_acknowledged_by")
        ),
        sa.ForeignKeyConstraint(
            ["series"], ["evaluation_series.id"], name=op.f("fk_evaluation_alarms_series")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_alarms")),
        sa.UniqueConstraint("series", "rate", name=op.f("uq_evaluation_alarms_series_rate")),
    )
