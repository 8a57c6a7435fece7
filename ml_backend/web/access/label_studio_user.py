"""Asks Label Studio whose key this is and which projects it opens."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.settings import Settings

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class LabelStudioUser:
    """A user of Label Studio; projects: ids of those that Label Studio shows them."""

    email: str
    projects: list[int]


def client_for_page(settings: Settings, key: str | None) -> LabelStudio:
    """A client that fails soon, instead of trying again, while somebody waits for a page."""
    return LabelStudio(
        settings.label_studio_url, key, settings.label_studio_proxy_authorization, TIMEOUT_SECONDS, repeats=0
    )


def label_studio_user(settings: Settings, key: str) -> LabelStudioUser:
    """The user whose key this is. Raises Unauthorized for a wrong key, LabelStudioError if Label Studio fails."""
    with closing(client_for_page(settings, key)) as client:
        user = client.whoami()
        return LabelStudioUser(str(user.get("email") or f"user {user.get('id')}"), client.project_ids())
