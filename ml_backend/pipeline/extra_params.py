"""Settings that a person types into Label Studio's connect form as extra params."""

from __future__ import annotations

import json
from typing import Any

from ml_backend.labelstudio.described_classes import check_descriptions
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.project_settings import ProjectSettings, SettingsError, known_names
from ml_backend.store.records import ProjectChanges, ProjectRecord

MOST_LAYERS = 2
"""How often JSON may be written as a string of JSON."""


def parse_extra_params(typed: Any) -> dict[str, Any]:
    """Extra params as a dictionary. Label Studio stores them as an object or as a string of JSON.

    Raises SettingsError for anything but a JSON object.
    """
    value = typed
    try:
        # Label Studio stores what was typed; a form that was saved twice may hold a string of JSON within a string.
        for _ in range(MOST_LAYERS):
            if isinstance(value, str):
                value = json.loads(value) if value.strip() else {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise SettingsError(
            f'extra params must be a JSON object like {{"strategy": "badge"}}, not {json.dumps(typed)[:100]}; '
            f"known settings: {', '.join(known_names())}"
        )
    return value


def canonical_extra_params(typed: Any) -> str:
    """Extra params as JSON with sorted keys, the form in which they are compared. Raises SettingsError."""
    return json.dumps(parse_extra_params(typed), sort_keys=True)


def settings_from_extra_params(project: ProjectRecord, typed: Any) -> ProjectChanges:
    """The project's new `settings` and `extra_params` if a person changed the extra params, {} otherwise.

    typed: the extra params as Label Studio stores them. None changes nothing, since Label Studio sends null when its
    form is saved without that field. A name that was removed from the form goes back to its default. Raises
    SettingsError, also if they describe a class that the project's label config lacks.
    """
    if typed is None or (canonical := canonical_extra_params(typed)) == project.extra_params:
        return {}
    chosen = parse_extra_params(typed)
    dropped = set(json.loads(project.extra_params or "{}")) - set(chosen)
    before = ProjectSettings.usable(project.settings)
    merged = before.merged({**dict.fromkeys(dropped), **chosen})
    _check_descriptions(project.label_config, merged, before)
    return {"settings": non_default_settings(merged), "extra_params": canonical}


def _check_descriptions(label_config: str, settings: ProjectSettings, before: ProjectSettings) -> None:
    try:
        config = parse(label_config, settings.control, settings.text_fields)
    except UnsupportedLabelConfig:
        return  # said where the label config is stored
    check_descriptions(config, settings, before)


def non_default_settings(settings: ProjectSettings) -> dict[str, Any]:
    """The settings that differ from their defaults, in the form that the database stores."""
    return settings.model_dump(mode="json", exclude_defaults=True)
