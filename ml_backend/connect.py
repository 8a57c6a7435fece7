"""Connect a project to the backend, and say what was done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, LabelStudio, LabelStudioError
from ml_backend.labelstudio.connection import connect_backend, ensure_webhook
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.project_settings import ProjectSettings
from ml_backend.settings import Settings, SettingsError
from ml_backend.store import Store


class ConnectFailed(Exception):
    """The project could not be connected; the message says why and what to do."""


def connect_project(settings: Settings, project_id: int, backend_url: str, chosen: list[str]) -> Iterator[str]:
    """Connect and tell each step as it is done. Raises ConnectFailed."""
    client = LabelStudio(settings.label_studio_url, settings.label_studio_api_key)
    store = Store(settings.database_url)
    try:
        store.create()
        yield from _connect(client, settings, project_id, backend_url, parse_settings(chosen), store.webhook_secret())
    except (LabelStudioError, SettingsError, UnsupportedLabelConfig) as problem:
        raise ConnectFailed(str(problem)) from None
    finally:
        client.close()
        store.close()


def _connect(
    client: LabelStudio,
    settings: Settings,
    project_id: int,
    backend_url: str,
    changes: dict[str, Any],
    kept_secret: str,
) -> Iterator[str]:
    wanted = ProjectSettings().merged(changes)
    info = client.project(project_id)
    config = parse(info.label_config, wanted.control, wanted.text_fields)
    yield f"project {project_id} {info.title!r}: {len(config.classes)} classes of {config.control!r}"
    auth = (settings.basic_auth_user, settings.basic_auth_pass or "") if settings.basic_auth_user else None
    entry = connect_backend(client, project_id, backend_url, auth, changes or None)
    if entry.error:
        raise ConnectFailed(f"Label Studio cannot use the backend at {backend_url}: {entry.error}")
    yield f"backend {entry.url}: {entry.state}"
    ensure_webhook(client, project_id, backend_url, settings.webhook_secret or kept_secret)
    yield f"webhook {backend_url.rstrip('/')}/webhook carries its secret"
    if info.sampling != UNCERTAINTY_SAMPLING:
        client.set_sampling(project_id)
        yield f"sampling changed from {info.sampling!r} to {UNCERTAINTY_SAMPLING!r}"
    yield f"the first batch comes as soon as texts are embedded; watch {backend_url}/projects/{project_id}"


def parse_settings(chosen: list[str]) -> dict[str, Any]:
    """`name=value` pairs as a dict, numbers and lists read as JSON. Raises SettingsError for what is not a pair."""
    changes: dict[str, Any] = {}
    for pair in chosen:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set takes name=value, as strategy=badge; got {pair!r}")
        try:
            changes[name.strip()] = json.loads(value)
        except ValueError:
            changes[name.strip()] = value
    return changes
