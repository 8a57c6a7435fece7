"""The secret that Label Studio's webhooks carry."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from ml_backend.store import tables
from ml_backend.store.database import Database

NAME = "webhook"
SECRET_BYTES = 32


class WebhookSecretRow:
    """Reads the secret, and generates it at the first call."""

    _database: Database

    def webhook_secret(self, configured: str | None = None) -> str:
        """The secret that webhooks carry: the configured one, or one that is generated at the first call and stored."""
        if configured:
            return configured
        table = tables.secrets
        query = select(table.c.value).where(table.c.name == NAME)
        with self._database.reading() as connection:
            stored = connection.execute(query).scalar_one_or_none()
        if stored is not None:
            return str(stored)
        with self._database.writing() as connection:
            statement = self._database.upsert(table).values(name=NAME, value=secrets.token_urlsafe(SECRET_BYTES))
            # Another process may have stored one in the meantime: that one counts.
            connection.execute(statement.on_conflict_do_nothing())
            return str(connection.execute(query).scalar_one())
