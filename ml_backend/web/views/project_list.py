"""The list of projects."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from flask import Response, request

from ml_backend.pipeline.evaluation_words import bounds
from ml_backend.pipeline.next_step import labels_received, next_step
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.learning_records import EvaluationRecord
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState
from ml_backend.web.access.rights import require_reader
from ml_backend.web.context import web
from ml_backend.web.label_studio_routes.protocol import health_status
from ml_backend.web.page_parts.label_days import midnight
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.rendering import page, wants_html
from ml_backend.web.page_parts.status import with_database_problem

NEEDS_A_PERSON = {ProjectState.FAILED, ProjectState.WAITING, ProjectState.UNSUPPORTED, ProjectState.MISSING}


@blueprint.get("/")
def root() -> Any:
    """The list of projects for a browser; the response to a health check for other clients."""
    return _list_page() if wants_html() else health_status()


@blueprint.get("/projects")
def projects() -> Any:
    """The projects, as a page or as JSON."""
    if wants_html():
        return _list_page()
    return {"projects": [_summary(project) for project in _seen()]}


def _list_page() -> Response:
    store, now = web().store, datetime.datetime.now().astimezone()
    today, evaluations = store.labels_since(midnight(now)), store.newest_evaluations()
    rows = [_row(project, today.get(project.id, 0), evaluations.get(project.id)) for project in _seen()]
    address = web().settings.backend_url or request.url_root
    return page("projects.html", projects=sorted(rows, key=_turn), address=address, zone=now.tzname())


def _seen() -> list[ProjectRecord]:
    """The projects that the caller may see. Raises BadRequest with status 401."""
    who, problem = require_reader(), web().readiness.database_problem()
    seen = [project for project in web().store.projects() if who is None or who.sees(project.id)]
    return [p if problem is None else with_database_problem(p, problem) for p in seen]


def _summary(project: ProjectRecord) -> dict[str, Any]:
    return {
        "project": project.id,
        "title": project.title,
        "state": project.state,
        "phase": project.phase,
        "error": project.error,
        "labeled": project.counts.labeled,
        "tasks": _tasks(project),
        "queue_remaining": project.counts.queue_remaining,
    }


def _tasks(project: ProjectRecord) -> int:
    """Tasks as the last run counted them, since counting takes long; those read so far before the first has ended."""
    return project.counts.tasks or web().store.task_count(project.id)


def _row(project: ProjectRecord, today: int, evaluation: EvaluationRecord | None) -> dict[str, Any]:
    """What the table shows of a project. today: labels given since midnight."""
    row = _summary(project) | {
        "today": today,
        "paused": project.paused_at is not None,
        "next": _next(project),
        "trouble": project.state in NEEDS_A_PERSON or project.settings_problem is not None,
        "accuracy": None,
        "weakest": None if evaluation is None else evaluation.weakest,
    }
    if evaluation is not None and evaluation.accuracy is not None:
        share = {"low": evaluation.low, "high": evaluation.high}
        row |= {
            "accuracy": f"{evaluation.accuracy:.0%}",
            "bounds": bounds(share),
            "is_guess": evaluation.basis != "audits",
        }
    return row


def _next(project: ProjectRecord) -> str:
    """One sentence about what comes next, or what a person has to do."""
    if project.error is not None:
        return project.error
    if project.settings_problem is not None:
        return f"The extra params in Label Studio were refused: {project.settings_problem}"
    if project.paused_at is not None:
        return "Paused: nothing is learned or published until it goes on."
    store = web().store
    counts = replace(project.counts, tasks=_tasks(project))
    problems = sum(store.problem_counts(project.id).values())
    settings = ProjectSettings.usable(project.settings)
    received = labels_received(store.event_counts(project.id))
    return next_step(project, counts, store.current_batch(project.id), settings, problems, received)


def _turn(row: dict[str, Any]) -> tuple[int, int, str]:
    """The order of the table: what needs a person, what is labelled today, the others, paused ones."""
    place = 0 if row["trouble"] else 3 if row["paused"] else 1 if row["today"] else 2
    return place, -row["today"], row["title"].casefold()
