"""The states of a webhook; in a module of its own, since the server shows them and loads no client."""

from __future__ import annotations

from enum import StrEnum

FAILURES_UNTIL_OFF = 50
"""Failed deliveries in a row after which newer versions of Label Studio switch a webhook off."""


class WebhookState(StrEnum):
    """How `ensure_webhook` found the webhook, and what it did about it."""

    INTACT = "intact"
    REPAIRED = "repaired"
    """It was created, or got the secret, or duplicates of it were removed."""
    SWITCHED_ON = "switched on"
    """Label Studio had switched it off after failed deliveries."""
    OFF = "off"
    """A person switched it off, and it was left so."""
    MISSING = "missing"
    """A person removed it, and none was created."""
