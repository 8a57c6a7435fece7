"""The secrets of webhooks: each project has its own, since every user of Label Studio can read a webhook's headers.

A secret is derived from one that no webhook carries, the base, and from a number that is drawn anew when the project's
secret is changed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sqlalchemy import select

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.installation_secret import installation_secret

NAME = "webhook"
NEVER_CHANGED = ""


class WebhookSecretRow:
    """Reads the base, which is generated at the first call, and changes the secrets of projects."""

    _database: Database

    def webhook_secret(self, configured: str | None = None) -> str:
        """The base of all secrets: the configured one, or one that is generated at the first call and stored."""
        return configured or installation_secret(self._database, NAME)

    def project_webhook_secret(self, project_id: int, base: str) -> str:
        """The secret that the webhook of this project carries; it begins with the project's id and a dot."""
        drawn = self._drawn(project_id) or NEVER_CHANGED
        message = f"{NAME}:{project_id}:{drawn}".encode()
        return f"{project_id}.{hmac.new(base.encode(), message, hashlib.sha256).hexdigest()}"

    def accepts_common_webhook_secret(self, project_id: int) -> bool:
        """Whether the webhook of this project may carry the base itself, as those of versions up to 0.2.0 do.

        It may until a run has given it the project's own secret.
        """
        table = tables.projects
        with self._database.reading() as connection:
            exists = connection.execute(select(table.c.id).where(table.c.id == project_id)).first() is not None
        return exists and self._drawn(project_id) is None

    def keep_own_webhook_secret(self, project_id: int) -> None:
        """Store that the webhook carries the project's own secret, so that no other is accepted from then on."""
        if self._drawn(project_id) is None:
            statement = self._database.upsert(tables.secrets).values(name=_name(project_id), value=NEVER_CHANGED)
            with self._database.writing() as connection:
                connection.execute(statement.on_conflict_do_nothing())

    def change_webhook_secret(self, project_id: int) -> None:
        """Give the project another secret; the one before is refused at once."""
        drawn = secrets.token_urlsafe(16)
        statement = self._database.upsert(tables.secrets).values(name=_name(project_id), value=drawn)
        with self._database.writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=[tables.secrets.c.name], set_={"value": drawn})
            )

    def _drawn(self, project_id: int) -> str | None:
        query = select(tables.secrets.c.value).where(tables.secrets.c.name == _name(project_id))
        with self._database.reading() as connection:
            value = connection.execute(query).scalar_one_or_none()
        return None if value is None else str(value)


def _name(project_id: int) -> str:
    return f"{NAME}:{project_id}"
