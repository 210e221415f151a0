"""Alembic's entry: runs the migrations on the connection that ``migrate.upgrade`` hands over."""

from __future__ import annotations

from alembic import context

from contexta.store.schema.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=False,
)
context.run_migrations()
