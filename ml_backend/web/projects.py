"""Status and settings of projects as JSON, and the metrics for Prometheus."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, current_app

from ml_backend.labelstudio.described_classes import check_descriptions
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.project_settings import ProjectSettings, SettingsError
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import RunReason
from ml_backend.web.access import require_basic_auth, require_reader, require_settings_access
from ml_backend.web.bodies import BadRequest, json_object
from ml_backend.web.context import web
from ml_backend.web.status import UnknownProject, project_status

logger = logging.getLogger(__name__)
blueprint = Blueprint("projects", __name__)


@blueprint.get("/projects/<int:project_id>/status")
def status(project_id: int) -> dict[str, Any]:
    """The project's status, see `project_status`. Raises BadRequest for an unknown project."""
    who = require_reader(project_id)
    try:
        problem = web().readiness.database_problem()
        return project_status(web().store, project_id, problem, with_names=who is not None)
    except UnknownProject as problem:
        raise BadRequest(str(problem), 404) from None


@blueprint.get("/projects/<int:project_id>/settings")
def settings(project_id: int) -> dict[str, Any]:
    """The project's settings, defaults included."""
    require_settings_access(project_id)
    return ProjectSettings.usable(_project(project_id).settings).model_dump(mode="json")


@blueprint.patch("/projects/<int:project_id>/settings")
def change_settings(project_id: int) -> dict[str, Any]:
    """Change settings; null sets one back to its default. The next batch is chosen with the new settings.

    Raises BadRequest for an unknown project and for settings that are not valid.
    """
    who = require_settings_access(project_id)
    project = _project(project_id)
    before = ProjectSettings.usable(project.settings)
    try:
        after = before.merged(json_object())
        if project.label_config:
            config = parse(project.label_config, after.control, after.text_fields)
            check_descriptions(config, after, before)
    except (SettingsError, UnsupportedLabelConfig) as problem:
        raise BadRequest(f"The settings of project {project_id} are unchanged: {problem}") from None
    if after != before or before.model_dump(mode="json", exclude_defaults=True) != project.settings:
        context = web()
        context.store.update_project(project_id, settings=after.model_dump(mode="json", exclude_defaults=True))
        context.store.add_setting_change(project_id, who.name, before.changes_to(after))
        context.store.request_run(project_id, RunReason.SETTINGS)
        # Also when a run is requested already: a project that waits for its next try goes on with the new settings.
        context.queue.wake_worker(project_id)
        logger.info("project %s: %s set the settings to %s", project_id, who.name, after.model_dump(mode="json"))
    return after.model_dump(mode="json")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Metrics in Prometheus' text format."""
    require_basic_auth()
    return current_app.response_class(web().metrics.text(web().state_metrics), mimetype="text/plain; version=0.0.4")


def _project(project_id: int) -> ProjectRecord:
    project = web().store.project(project_id)
    if project is None:
        raise BadRequest(f"Project {project_id} was never connected to this backend.", 404)
    return project
