"""The tables of `api.platform.database.tables`, and a ledger that the database itself refuses to change.

To be frozen with the first release, tables and guard: from then on both stand here as they were then.
"""

from alembic import op
from sqlalchemy import insert

from api.platform.database.ledger_guard import guard
from api.platform.database.tables import HeadRow, Table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    Table.metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(HeadRow).values(chain="desk", seq=0, hash="0" * 64))
    guard(connection)
