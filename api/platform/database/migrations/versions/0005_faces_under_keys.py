"""Images are sealed under keys, by passage. Those of before wait in `images_plain` for the desk's next start.

SQL cannot encrypt: `api.faces.plain` seals them, and takes the table away, before the desk answers anybody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _put_plain_aside()
    _faces()
    _images()
    _holds()


def _put_plain_aside() -> None:
    images = sa.table("images", sa.column("sha256"))
    if op.get_bind().scalar(sa.select(sa.func.count()).select_from(images)):
        op.rename_table("images", "images_plain")
        if op.get_context().dialect.name == "postgresql":  # its name would be in the way of the next one's
            op.execute("ALTER TABLE images_plain RENAME CONSTRAINT pk_images TO pk_images_plain")
    else:
        op.drop_table("images")


def _faces() -> None:
    op.create_table(
        "faces",
        sa.Column("passage", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_how", sa.String(length=64), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("because", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["lane"], ["lanes.id"], name=op.f("fk_faces_lane")),
        sa.PrimaryKeyConstraint("passage", name=op.f("pk_faces")),
    )
    op.create_index(
        "ix_faces_due", "faces", ["erased_at", "closed_how", "closed_at", "last_at"], unique=False
    )


def _images() -> None:
    op.create_table(
        "images",
        sa.Column("passage", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["passage"], ["faces.passage"], name=op.f("fk_images_passage")),
        sa.PrimaryKeyConstraint("passage", "sha256", name=op.f("pk_images")),
    )


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("passage", sa.String(length=64), nullable=False),
        sa.Column("placed_by", sa.String(length=32), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lift_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["passage"], ["faces.passage"], name=op.f("fk_holds_passage")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_passage", "holds", ["passage"], unique=False)
