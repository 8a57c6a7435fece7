"""Handles what Label Studio sends to /setup: a project's label config and extra params."""

from __future__ import annotations

import json
import logging
from collections.abc import Set
from dataclasses import replace
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
from ml_backend.web.label_studio_routes.candidates import hear_of_connection

logger = logging.getLogger(__name__)

LONGEST_PARAMS = 100_000
"""Characters of extra params as JSON."""
MAX_PARAMS_SEEN = 20
"""How many extra params received at /setup are stored, until a run reads those of Label Studio's entries."""


def set_up(context: Web, body: dict[str, Any], backend_url: str) -> str:
    """Store what changed in a project, and request a run for it; returns the version of its head.

    backend_url: the address that was called. Nothing in the body becomes a setting, since anybody may have sent it; the
    run reads the entry in Label Studio instead. A project that Label Studio has not confirmed becomes a candidate only.
    The version of a batch is never returned, since Label Studio would then skip its tasks. Label Studio calls this
    before every prediction, so an unchanged project costs one query. Raises BadRequest.
    """
    store = context.store
    project_id = project_number(body.get("project"))
    schema = body.get("schema") or ""
    if not isinstance(schema, str):
        raise BadRequest('"schema" must be the label config as a string.')
    project, head = store.project_and_head(project_id)
    before = project or ProjectRecord(id=project_id)
    new_params = _new_extra_params(replace(before, label_config=schema), body.get("extra_params"))
    changes: ProjectChanges = {}
    if before.label_config != schema:
        changes["label_config"] = schema
    if before.backend_url != backend_url:
        changes["backend_url"] = backend_url
    reason = _run_reason(project, changes.keys() | new_params.keys())
    if not changes and reason is None:
        return head or NO_MODEL
    settings = ProjectSettings.usable(new_params.get("settings", before.settings))
    try:
        config = parse(schema, settings.control, settings.text_fields)
    except UnsupportedLabelConfig as problem:
        _store_unsupported(store, project, str(problem))
        raise BadRequest(f"Project {project_id}: {problem}") from None
    if project is None:
        hear_of_connection(context, project_id, backend_url)
        return NO_MODEL
    if changes:
        store.update_project(project_id, **changes)
    if "label_config" in changes:
        for note in config.notes:
            logger.info("project %s: %s", project_id, note)
    if new_params:
        params_seen = [*before.extra_params_seen, new_params["extra_params"] or ""][-MAX_PARAMS_SEEN:]
        store.update_project(project_id, extra_params_seen=params_seen)
    if reason is not None:
        logger.info("project %s: %s", project_id, _describe_changes([*changes, *new_params]))
        context.queue.request(store, project_id, reason)
    return head or NO_MODEL


def _new_extra_params(project: ProjectRecord, typed: Any) -> ProjectChanges:
    """The changes by extra params that were not received before, which a run will apply. Raises BadRequest."""
    if len(json.dumps(typed)) > LONGEST_PARAMS:
        raise BadRequest(f"The extra params of project {project.id} have more than {LONGEST_PARAMS:,} characters.")
    try:
        changes = settings_from_extra_params(project, typed)
    except SettingsError as problem:
        raise BadRequest(
            f"Extra params of project {project.id} were refused, its settings are unchanged: {problem}."
        ) from None
    return {} if changes.get("extra_params") in project.extra_params_seen else changes


def _store_unsupported(store: Store, project: ProjectRecord | None, problem: str) -> None:
    # A new project is not stored: Label Studio shows the error to the person who connects it.
    if project is not None and (project.state, project.error) != (ProjectState.UNSUPPORTED, problem):
        logger.error("project %s: %s", project.id, problem)
        store.update_project(
            project.id, state=ProjectState.UNSUPPORTED, error=problem, phase="waiting for a label config"
        )


def _run_reason(project: ProjectRecord | None, changed_names: Set[str]) -> RunReason | None:
    if (
        project is None
        or project.state == ProjectState.MISSING
        or project.attached is False
        or "backend_url" in changed_names
    ):
        return RunReason.SETUP
    if "extra_params" in changed_names:
        return RunReason.EXTRA_PARAMS
    return RunReason.SETTINGS if "label_config" in changed_names or project.state == ProjectState.UNSUPPORTED else None


def _describe_changes(names: list[str]) -> str:
    return ", ".join(f"{name} changed" for name in names if name != "settings") or "can be learned again"
