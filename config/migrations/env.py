"""Alembic's entry: runs the revisions on the connection that `config.database` hands over.

It opens no connection of its own, so the caller's transaction and lock hold for the whole migration.
"""

from alembic import context

from config.database import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # also on SQLite, whose transactions cover CREATE and ALTER
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
