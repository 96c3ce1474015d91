"""Runs Alembic's steps on the connection that `migrate` gives."""

from alembic import context

from service.adapters.store.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter a table in place: Alembic makes a new one and copies.
    render_as_batch=True,
)
context.run_migrations()
