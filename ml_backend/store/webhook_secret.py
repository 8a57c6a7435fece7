"""The secret that Label Studio's webhooks carry."""

from __future__ import annotations

from ml_backend.store.database import Database
from ml_backend.store.installation_secret import installation_secret

NAME = "webhook"


class WebhookSecretRow:
    """Reads the secret, and generates it at the first call."""

    _database: Database

    def webhook_secret(self, configured: str | None = None) -> str:
        """The secret that webhooks carry: the configured one, or one that is generated at the first call and stored."""
        return configured or installation_secret(self._database, NAME)
