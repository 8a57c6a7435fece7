"""Status and settings of projects as JSON, and the metrics for Prometheus."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, redirect, request, url_for

from ml_backend.pipeline.extra_params import parse_extra_params
from ml_backend.pipeline.job_kinds import LONG_KINDS
from ml_backend.project_settings import ProjectSettings, SettingsError, known_names
from ml_backend.web.access.cross_site import accepts_form
from ml_backend.web.access.csrf import has_csrf_token
from ml_backend.web.access.rights import require_basic_auth, require_person, require_reader
from ml_backend.web.bodies import BadRequest, json_object, largest_body
from ml_backend.web.context import web
from ml_backend.web.page_parts.status import project_status, worker_missing
from ml_backend.web.project_routes.setting_changes import changed_settings
from ml_backend.web.stored_project import require_project, stored_project

blueprint = Blueprint("projects", __name__)


@blueprint.get("/projects/<int:project_id>/status")
def status(project_id: int) -> dict[str, Any]:
    """The project's status, see `project_status`. Raises BadRequest for an unknown project."""
    who = require_reader(project_id)
    problem = web().readiness.database_problem()
    return project_status(web().store, stored_project(project_id), problem, with_names=who is not None)


@blueprint.get("/projects/<int:project_id>/changes")
def changes(project_id: int) -> dict[str, Any]:
    """{"version"}: it is another one once something changed that the pages of the project show.

    Pages that are open ask for it every few seconds, so it costs little. Raises BadRequest for an unknown project.
    """
    require_reader(project_id)
    store = web().store
    require_project(project_id)
    troubles = (web().readiness.database_problem(), worker_missing(store))
    return {"version": f"{store.change_mark(project_id, LONG_KINDS)} {troubles}"}


@blueprint.get("/projects/<int:project_id>/settings")
def settings(project_id: int) -> dict[str, Any]:
    """The project's settings, defaults included."""
    require_person(project_id)
    return ProjectSettings.usable(stored_project(project_id).settings).model_dump(mode="json")


@blueprint.patch("/projects/<int:project_id>/settings")
def change_settings(project_id: int) -> dict[str, Any]:
    """Change settings; null sets one back to its default. The next batch is chosen with the new settings.

    Raises BadRequest for an unknown project and for settings that are not valid.
    """
    who = require_person(project_id)
    return changed_settings(project_id, who, json_object()).model_dump(mode="json")


@blueprint.post("/projects/<int:project_id>/settings")
@accepts_form
def change_settings_by_form(project_id: int) -> Any:
    """The same for a browser without JavaScript, whose form holds every setting: those that differ from `shown` change.

    `shown` holds the settings with which the page was made, so that a change that somebody else has made since stays.
    Raises BadRequest as `change_settings`, and with status 403 without the CSRF token.
    """
    request.max_content_length = largest_body(request.path)
    who = require_person(project_id)
    if not has_csrf_token():
        raise BadRequest("The change lacks the token of this page: reload the page and try again.", 403)
    try:
        shown = ProjectSettings.usable(parse_extra_params(request.form.get("shown", "")))
        typed = {name: request.form[name].strip() or None for name in known_names() if name in request.form}
        wanted = shown.merged(typed)
    except SettingsError as problem:
        raise BadRequest(f"The settings of project {project_id} are unchanged: {problem}") from None
    changed_settings(project_id, who, {name: getattr(wanted, name) for name in shown.changes_to(wanted)})
    return redirect(url_for("pages.strategy", project_id=project_id, _anchor=request.form.get("at") or "settings"), 303)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Metrics in Prometheus' text format."""
    require_basic_auth()
    return current_app.response_class(web().metrics.text(web().state_metrics), mimetype="text/plain; version=0.0.4")
