"""Three steps of a review: what officers said, step by step, rounds of a case, and what a lane was handed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _referrals()
    _rounds()
    _opinions()
    _shifts()


def _referrals() -> None:
    for column in (
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("stage", sa.String(length=8), server_default="first", nullable=False),
        sa.Column("step", sa.String(length=8), server_default="blind", nullable=False),
        sa.Column("claims", sa.Integer(), server_default="0", nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duty", sa.String(length=32), server_default="", nullable=False),
    ):
        op.add_column("referrals", column)
    # Between the two ranks that there were comes one for people who need help.
    referrals = sa.table("referrals", sa.column("gravity", sa.Integer()))
    op.execute(referrals.update().where(referrals.c.gravity == 1).values(gravity=2))


def _rounds() -> None:
    op.create_table(
        "referral_rounds",
        sa.Column("passage", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("judged", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["passage"], ["referrals.passage"], name=op.f("fk_referral_rounds_passage")),
        sa.PrimaryKeyConstraint("passage", "number", name=op.f("pk_referral_rounds")),
        sa.UniqueConstraint("decision", name=op.f("uq_referral_rounds_decision")),
    )


def _opinions() -> None:
    op.create_table(
        "opinions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("passage", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=8), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("officer", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=12), nullable=True),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("answer", sa.String(length=32), nullable=True),
        sa.Column("ground", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["officer"], ["officers.pseudonym"], name=op.f("fk_opinions_officer")),
        sa.ForeignKeyConstraint(["passage"], ["referrals.passage"], name=op.f("fk_opinions_passage")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opinions")),
    )
    op.create_index(op.f("ix_opinions_officer_at"), "opinions", ["officer", "at"])
    op.create_index(op.f("ix_opinions_passage"), "opinions", ["passage"])


def _shifts() -> None:
    op.create_table(
        "shifts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("officer", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stretch_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("handed_to", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["handed_to"], ["officers.pseudonym"], name=op.f("fk_shifts_handed_to")),
        sa.ForeignKeyConstraint(["officer"], ["officers.pseudonym"], name=op.f("fk_shifts_officer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
    )
    op.create_index(op.f("ix_shifts_officer_ended_at"), "shifts", ["officer", "ended_at"])
