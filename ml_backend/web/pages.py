"""Pages for people: the list of projects, and one page per project."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ml_backend.class_descriptions import description_lines
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.pipeline.evaluated import project_evaluation
from ml_backend.project_settings import (
    ClassNames,
    ProjectSettings,
    initial_names,
    number_limits,
    strategy_summaries,
    strategy_uses,
)
from ml_backend.store.records import ProjectRecord
from ml_backend.web.access import require_reader
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.evaluation import evaluation_view
from ml_backend.web.protocol import health_status
from ml_backend.web.rendering import code, page, wants_html
from ml_backend.web.status import UnknownProject, known_project, project_status, with_database_problem

blueprint = Blueprint("pages", __name__)
blueprint.add_app_template_filter(code, "code")

RUNS_SHOWN = 10
CHANGES_SHOWN = 10
CLASSES_SHOWN = 500
"""Classes for which the form of settings has a line although they are not described."""
LONGEST_VALUE = 500
"""Characters of a setting in the history of changes."""


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


@blueprint.get("/projects/<int:project_id>")
def project(project_id: int) -> Any:
    """The page of a project: state, progress, batch, model, settings. Raises BadRequest for an unknown project."""
    who = require_reader(project_id)
    try:
        record = known_project(web().store, project_id)
        status = project_status(web().store, project_id, web().readiness.database_problem(), with_names=who is not None)
    except UnknownProject as problem:
        raise BadRequest(str(problem), 404) from None
    settings = web().settings
    return page(
        "project.html",
        status=status,
        label_studio=f"{settings.label_studio_public_url or settings.label_studio_url}/projects/{project_id}",
        runs=status["runs"][::-1][:RUNS_SHOWN],
        quality=evaluation_view(
            project_evaluation(web().store, record, with_people=who is not None),
            status["labels"],
            status["settings"]["strategy"],
        ),
        defaults=ProjectSettings().model_dump(mode="json"),
        limits=number_limits(),
        embedding_model=status["settings"]["embedding_model"] or settings.embedding_model,
        default_model=settings.embedding_model,
        strategies=strategy_summaries(),
        strategy_uses=strategy_uses(),
        initials=initial_names(),
        class_names=list(ClassNames),
        class_descriptions=_description_lines(project_id, status["settings"]),
        has_form=who is not None,
        may_change=who is not None,
        setting=_setting,
        changes_shown=CHANGES_SHOWN,
    )


def _description_lines(project_id: int, settings: dict[str, Any]) -> str:
    """What the form shows of the classes: a line for each, or for those that are described if there are very many."""
    described = settings["class_descriptions"] or {}
    project = web().store.project(project_id)
    try:
        config = parse(project.label_config if project else "", settings["control"], settings["text_fields"])
    except UnsupportedLabelConfig:
        return description_lines((), described)
    return description_lines(config.classes if len(config.classes) <= CLASSES_SHOWN else (), described)


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


def _setting(value: Any) -> str:
    """A value of a setting, for people."""
    if value is None:
        return "default"
    if isinstance(value, dict):
        lines = "; ".join(f"{name}: {text}" for name, text in value.items())
        return lines if len(lines) <= LONGEST_VALUE else f"{lines[:LONGEST_VALUE]}…"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
