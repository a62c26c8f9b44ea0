"""Holds its place in the order of revisions: the tree of the ledger."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
