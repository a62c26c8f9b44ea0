"""PostgreSQL, too, refuses to change the ledger; lanes tell a restored desk again what it has lost."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "recoveries",
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("after_seq", sa.Integer(), nullable=False),
        sa.Column("through_seq", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["lane"], ["lanes.id"], name=op.f("fk_recoveries_lane")),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_recoveries")),
    )
    if op.get_context().dialect.name == "postgresql":
        _refuse_change()


def _refuse_change() -> None:
    op.execute(
        "CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'the ledger is append-only'; END$$"
    )
    for name, when, each in (
        ("ledger_refuses_change", "UPDATE OR DELETE", "ROW"),
        ("ledger_refuses_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON ledger FOR EACH {each} "
            "EXECUTE FUNCTION ledger_is_append_only()"
        )
        op.execute(f"ALTER TABLE ledger ENABLE ALWAYS TRIGGER {name}")
