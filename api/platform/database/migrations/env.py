"""Alembic's entry: runs on the connection that `Database.migrate` hands over, on no other."""

from alembic import context

from api.platform.database.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
