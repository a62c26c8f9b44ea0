"""People and their keys: duties, sessions that can be listed, failed sign-ins, passkeys, tokens that rotate.

Who is signed in signs in again: a session from before has no name to be listed by.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _officers()
    _lanes()
    _signing_in()
    _passkeys()


def _officers() -> None:
    op.add_column("officers", sa.Column("duties", sa.Text(), nullable=False, server_default=""))
    must_change: sa.Column[bool] = sa.Column(
        "must_change", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("officers", must_change)
    op.add_column("officers", sa.Column("external_sha256", sa.String(64), nullable=True))
    # An index and no constraint: SQLite would have to make the table anew, to which others point.
    op.create_index(op.f("ix_officers_external_sha256"), "officers", ["external_sha256"], unique=True)
    op.execute("DELETE FROM sessions")
    op.add_column("sessions", sa.Column("handle", sa.String(16), nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("way", sa.String(16), nullable=False, server_default="password"))


def _lanes() -> None:
    for name in ("token_until", "former_until", "used_at"):
        op.add_column("lanes", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("lanes", sa.Column("former_sha256", sa.String(64), nullable=True))
    op.create_index(op.f("ix_lanes_former_sha256"), "lanes", ["former_sha256"], unique=True)


def _signing_in() -> None:
    op.create_table(
        "sign_in_attempts",
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_sign_in_attempts")),
    )
    op.create_table(
        "challenges",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_challenges")),
    )


def _passkeys() -> None:
    op.create_table(
        "passkeys",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("officer", sa.String(32), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["officer"], ["officers.pseudonym"], name=op.f("fk_passkeys_officer")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_passkeys")),
    )
    op.create_index(op.f("ix_passkeys_officer"), "passkeys", ["officer"])
