"""PostgreSQL, too, refuses to change the ledger."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
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
