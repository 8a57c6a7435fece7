"""The secret that Label Studio's webhooks carry, where the settings give none."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from ml_backend.store import tables
from ml_backend.store.database import Database

NAME = "webhook"
SECRET_BYTES = 32


class WebhookSecretRow:
    """Makes and keeps the secret."""

    _database: Database

    def webhook_secret(self) -> str:
        """The secret that webhooks carry; made at the first call and kept."""
        table = tables.secrets
        query = select(table.c.value).where(table.c.name == NAME)
        with self._database.reading() as connection:
            kept = connection.execute(query).scalar_one_or_none()
        if kept is not None:
            return str(kept)
        with self._database.writing() as connection:
            made = self._database.upsert(table).values(name=NAME, value=secrets.token_urlsafe(SECRET_BYTES))
            # Another process may have made one meanwhile: that one counts.
            connection.execute(made.on_conflict_do_nothing())
            return str(connection.execute(query).scalar_one())
