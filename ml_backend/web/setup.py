"""Take in what Label Studio says of a project at /setup: its label config and the settings typed into its form."""

from __future__ import annotations

import json
import logging
from typing import Any

from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.project_settings import ProjectSettings, SettingsError, known_names
from ml_backend.store import Store
from ml_backend.store.records import ProjectRecord
from ml_backend.web.bodies import Refused, project_number
from ml_backend.web.context import Web

logger = logging.getLogger(__name__)

NO_MODEL = "no-model-yet"
"""As in jobs.predict, which cannot be imported without numpy."""


def set_up(context: Web, body: dict[str, Any], backend_url: str) -> str:
    """Remember the project and ask for a run if anything is new; the answer is the version of its head.

    The version is never that of a batch: Label Studio would skip its tasks. It calls this before every prediction:
    without news it is one read. Raises Refused.
    """
    store = context.store
    project_id = project_number(body.get("project"))
    schema = body.get("schema") or ""
    if not isinstance(schema, str):
        raise Refused('"schema" must be the label config as a string.')
    project, head = store.project_and_head(project_id)
    before = project or ProjectRecord(id=project_id)
    changes: dict[str, Any] = {"label_config": schema, "backend_url": backend_url}
    changes |= _typed_settings(before, body.get("extra_params"))
    changes = {name: value for name, value in changes.items() if getattr(before, name) != value}
    if project is not None and not changes and project.state not in {"missing", "unsupported"}:
        return head or NO_MODEL
    settings = ProjectSettings.model_validate(changes.get("settings", before.settings))
    try:
        parse(schema, settings.control, settings.text_fields)
    except UnsupportedLabelConfig as problem:
        _note_unsupported(store, project, str(problem))
        raise Refused(f"Project {project_id}: {problem}") from None
    if project is None or changes:
        store.ensure_project(project_id, **changes)
    reason = _reason(project, changes)
    if reason is not None:
        logger.info("project %s: %s", project_id, _news(project, changes))
        context.queue.request(store, project_id, reason)
    return head or NO_MODEL


def _typed_settings(project: ProjectRecord, typed: Any) -> dict[str, Any]:
    """What the connect form's extra parameters change, when a person changed them. Raises Refused.

    Null means "not said": Label Studio sends it when its own form is saved without that field. A name
    that was in the form before and is not any more goes back to its default.
    """
    if typed is None:
        return {}
    chosen = _as_object(typed)
    seen = json.dumps(chosen, sort_keys=True)
    if seen == project.extra_params:
        return {}
    dropped = set(json.loads(project.extra_params or "{}")) - set(chosen)
    try:
        merged = ProjectSettings.model_validate(project.settings).merged({**dict.fromkeys(dropped), **chosen})
    except SettingsError as problem:
        raise Refused(f"Extra params of project {project.id} were refused, its settings stay: {problem}") from None
    return {"settings": merged.model_dump(mode="json", exclude_defaults=True), "extra_params": seen}


def _as_object(typed: Any) -> dict[str, Any]:
    value = typed
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else {}
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, dict):
        raise Refused(
            f'Extra params must be a JSON object like {{"strategy": "badge"}}, not {json.dumps(typed)[:100]}; '
            f"known settings: {', '.join(known_names())}."
        )
    return value


def _note_unsupported(store: Store, project: ProjectRecord | None, problem: str) -> None:
    # A project that was never connected is not kept: Label Studio refuses the connection with this very answer.
    if project is not None and (project.state, project.error) != ("unsupported", problem):
        logger.error("project %s: %s", project.id, problem)
        store.update_project(project.id, state="unsupported", error=problem, phase="waiting for a label config")


def _reason(project: ProjectRecord | None, changes: dict[str, Any]) -> str | None:
    if project is None or "backend_url" in changes or project.state == "missing":
        return "setup"
    return "settings" if changes.keys() & {"label_config", "settings"} or project.state == "unsupported" else None


def _news(project: ProjectRecord | None, changes: dict[str, Any]) -> str:
    if project is None:
        return f"connected, settings {changes.get('settings') or 'all default'}"
    return ", ".join(f"{name} changed" for name in sorted(changes)) or "can be worked on again"
