"""What Alembic executes to migrate: on the connection, and in the transaction, that ``upgrade`` was given."""

from __future__ import annotations

from alembic import context

from fittingroom.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,  # for its naming convention
)
context.run_migrations()
