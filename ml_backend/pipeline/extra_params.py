"""Settings that a person types into Label Studio's connect form as extra params."""

from __future__ import annotations

import json
from typing import Any

from ml_backend.project_settings import ProjectSettings, SettingsError, known_names
from ml_backend.store.records import ProjectRecord


def as_object(typed: Any) -> dict[str, Any]:
    """Extra params as a dict; Label Studio keeps what was typed as JSON or as a string. Raises SettingsError."""
    value = typed
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else {}
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, dict):
        raise SettingsError(
            f'extra params must be a JSON object like {{"strategy": "badge"}}, not {json.dumps(typed)[:100]}; '
            f"known settings: {', '.join(known_names())}"
        )
    return value


def written(typed: Any) -> str:
    """Extra params in the one spelling in which they are compared. Raises SettingsError."""
    return json.dumps(as_object(typed), sort_keys=True)


def taken_over(project: ProjectRecord, typed: Any) -> dict[str, Any]:
    """Fields of the project that the extra params change, none when nobody changed them. Raises SettingsError.

    Null means "not said": Label Studio sends it when its own form is saved without that field. A name
    that was in the form before and is not any more goes back to its default.
    """
    if typed is None or (spelling := written(typed)) == project.extra_params:
        return {}
    chosen = as_object(typed)
    dropped = set(json.loads(project.extra_params or "{}")) - set(chosen)
    merged = ProjectSettings.model_validate(project.settings).merged({**dict.fromkeys(dropped), **chosen})
    return {"settings": chosen_values(merged), "extra_params": spelling}


def chosen_values(settings: ProjectSettings) -> dict[str, Any]:
    """The settings that are not defaults, as they are kept."""
    return settings.model_dump(mode="json", exclude_defaults=True)
