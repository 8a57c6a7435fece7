"""What Alembic runs for every command: our connection, in the transaction that the caller has begun."""

from __future__ import annotations

from alembic import context

from ml_backend.store import tables

# SQLite's DDL is transactional as well once the driver leaves BEGIN to us, as store/database.py has it do.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
