"""The list of projects."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ml_backend.store.records import ProjectRecord
from ml_backend.web.access import require_reader
from ml_backend.web.context import web
from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.protocol import health_status
from ml_backend.web.rendering import page, wants_html
from ml_backend.web.status import with_database_problem


@blueprint.get("/")
def root() -> Any:
    """The list of projects for a browser; the response to a health check for other clients."""
    return _list_page() if wants_html() else health_status()


@blueprint.get("/projects")
def projects() -> Any:
    """The projects, as a page or as JSON."""
    if wants_html():
        return _list_page()
    return {"projects": _summaries()}


def _list_page() -> Response:
    projects = _summaries()
    return page("projects.html", projects=projects, address=web().settings.backend_url or request.url_root)


def _summaries() -> list[dict[str, Any]]:
    """The projects that the caller may see. Raises BadRequest with status 401."""
    who, problem = require_reader(), web().readiness.database_problem()
    seen = [project for project in web().store.projects() if who is None or who.sees(project.id)]
    return [_summary(p if problem is None else with_database_problem(p, problem)) for p in seen]


def _summary(project: ProjectRecord) -> dict[str, Any]:
    return {
        "project": project.id,
        "title": project.title,
        "state": project.state,
        "phase": project.phase,
        "error": project.error,
        "labeled": project.counts.labeled,
        "tasks": web().store.task_count(project.id),
        "queue_remaining": project.counts.queue_remaining,
    }
