"""What Label Studio sends of a project at /setup: its label config, and extra params that may have changed."""

from __future__ import annotations

import logging
from collections.abc import Set
from typing import Any

from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.pipeline.extra_params import settings_from_extra_params
from ml_backend.pipeline.versions import NO_MODEL
from ml_backend.project_settings import ProjectSettings, SettingsError
from ml_backend.store import Store
from ml_backend.store.records import ProjectChanges, ProjectRecord
from ml_backend.store.states import ProjectState, RunReason
from ml_backend.web.bodies import BadRequest, project_number
from ml_backend.web.context import Web

logger = logging.getLogger(__name__)

MOST_SEEN = 20
"""So many extra params that /setup brought are kept, until a run reads those of Label Studio's entries."""


def set_up(context: Web, body: dict[str, Any], backend_url: str) -> str:
    """Keep the project and ask for a run if anything is new; returns the version of its head.

    Nothing of the body becomes a setting: anybody may have sent it, so the run reads Label Studio's own entry.
    The version is never that of a batch: Label Studio would skip its tasks. It calls this before every prediction:
    without news it is one read. Raises BadRequest.
    """
    store = context.store
    project_id = project_number(body.get("project"))
    schema = body.get("schema") or ""
    if not isinstance(schema, str):
        raise BadRequest('"schema" must be the label config as a string.')
    project, head = store.project_and_head(project_id)
    before = project or ProjectRecord(id=project_id)
    typed = _news_in_form(before, body.get("extra_params"))
    changes: ProjectChanges = {}
    if before.label_config != schema:
        changes["label_config"] = schema
    if before.backend_url != backend_url:
        changes["backend_url"] = backend_url
    reason = _reason(project, changes.keys() | typed.keys())
    if not changes and reason is None:
        return head or NO_MODEL
    settings = ProjectSettings.usable(typed.get("settings", before.settings))
    try:
        parse(schema, settings.control, settings.text_fields)
    except UnsupportedLabelConfig as problem:
        _note_unsupported(store, project, str(problem))
        raise BadRequest(f"Project {project_id}: {problem}") from None
    if project is None or changes:
        store.ensure_project(project_id, **changes)
    if typed:
        seen = [*before.extra_params_seen, typed["extra_params"] or ""][-MOST_SEEN:]
        store.update_project(project_id, extra_params_seen=seen)
    if reason is not None:
        logger.info("project %s: %s", project_id, _news(project, [*changes, *typed]))
        context.queue.request(store, project_id, reason)
    return head or NO_MODEL


def _news_in_form(project: ProjectRecord, typed: Any) -> ProjectChanges:
    """What extra params never seen before would change, for a run to take over. Raises BadRequest."""
    try:
        changes = settings_from_extra_params(project, typed)
    except SettingsError as problem:
        raise BadRequest(f"Extra params of project {project.id} were refused, its settings stay: {problem}.") from None
    return {} if changes.get("extra_params") in project.extra_params_seen else changes


def _note_unsupported(store: Store, project: ProjectRecord | None, problem: str) -> None:
    # A project that was never connected is not kept: Label Studio shows this refusal to the person who connects it.
    if project is not None and (project.state, project.error) != (ProjectState.UNSUPPORTED, problem):
        logger.error("project %s: %s", project.id, problem)
        store.update_project(
            project.id, state=ProjectState.UNSUPPORTED, error=problem, phase="waiting for a label config"
        )


def _reason(project: ProjectRecord | None, news: Set[str]) -> RunReason | None:
    if project is None or project.state == ProjectState.MISSING or project.attached is False or "backend_url" in news:
        return RunReason.SETUP
    if "extra_params" in news:
        return RunReason.EXTRA_PARAMS
    return RunReason.SETTINGS if "label_config" in news or project.state == ProjectState.UNSUPPORTED else None


def _news(project: ProjectRecord | None, names: list[str]) -> str:
    if project is None:
        return "connected"
    return ", ".join(f"{name} changed" for name in names if name != "settings") or "can be worked on again"
