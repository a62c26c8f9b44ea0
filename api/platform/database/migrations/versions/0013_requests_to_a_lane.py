"""What officers ask of a lane for its next passenger; requests before the last one are in the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lane_requests",
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["lane"], ["lanes.id"], name=op.f("fk_lane_requests_lane")),
        sa.ForeignKeyConstraint(["by"], ["officers.pseudonym"], name=op.f("fk_lane_requests_by")),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_lane_requests")),
    )
