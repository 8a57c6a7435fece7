"""Secrets of the installation: generated at first use, and the same for all processes on one database."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from ml_backend.store import tables
from ml_backend.store.database import Database

SECRET_BYTES = 32


def installation_secret(database: Database, name: str) -> str:
    """The stored secret of this name; it is generated and stored at the first call."""
    table = tables.secrets
    query = select(table.c.value).where(table.c.name == name)
    with database.reading() as connection:
        stored = connection.execute(query).scalar_one_or_none()
    if stored is not None:
        return str(stored)
    with database.writing() as connection:
        statement = database.upsert(table).values(name=name, value=secrets.token_urlsafe(SECRET_BYTES))
        # Another process may have stored one in the meantime: that one counts.
        connection.execute(statement.on_conflict_do_nothing())
        return str(connection.execute(query).scalar_one())
