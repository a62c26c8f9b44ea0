"""Officers have a role: who is here already is an officer, and nobody becomes a supervisor by this."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("officers", sa.Column("role", sa.String(16), nullable=False, server_default="officer"))
