"""Alembic's environment: it uses the connection and the transaction of the caller."""

from __future__ import annotations

from alembic import context

from ml_backend.store import tables

# SQLite's DDL is transactional too, since store/database.py sends BEGIN itself instead of leaving it to the driver.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
