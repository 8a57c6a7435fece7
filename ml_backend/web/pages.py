"""Pages for people: the list of projects, and one page per project."""

from __future__ import annotations

import datetime
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup, escape

from ml_backend.project_settings import (
    ProjectSettings,
    initial_names,
    number_limits,
    strategy_summaries,
    strategy_uses,
)
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState
from ml_backend.web.access import require_basic_auth
from ml_backend.web.bodies import BadRequest
from ml_backend.web.chart import Point, share_chart
from ml_backend.web.context import web
from ml_backend.web.protocol import health_status
from ml_backend.web.status import UnknownProject, project_status, rolling_agreement, with_database_problem

blueprint = Blueprint("pages", __name__)

RUNS_SHOWN = 10
STATES = {
    ProjectState.NEW: ("idle", "starting"),
    ProjectState.READY: ("good", "ready"),
    ProjectState.WAITING: ("warning", "waiting"),
    ProjectState.FAILED: ("bad", "failed, trying again"),
    ProjectState.UNSUPPORTED: ("bad", "label config not supported"),
    ProjectState.MISSING: ("bad", "project not found"),
    ProjectState.DISCONNECTED: ("warning", "disconnected"),
}
"""State → (CSS class, text)."""


@blueprint.get("/")
def root() -> Any:
    """The list of projects for a browser; the response to a health check for other clients."""
    return _list_page() if wants_html() else health_status()


@blueprint.get("/projects")
def projects() -> Any:
    """The projects, as a page or as JSON."""
    if wants_html():
        return _list_page()
    require_basic_auth()
    return {"projects": _summaries()}


@blueprint.get("/projects/<int:project_id>")
def project(project_id: int) -> Any:
    """The page of a project: state, progress, batch, model, settings. Raises BadRequest for an unknown project."""
    require_basic_auth()
    try:
        status = project_status(web().store, project_id, web().readiness.database_problem())
    except UnknownProject as problem:
        raise BadRequest(str(problem), 404) from None
    settings = web().settings
    points = [
        Point(a["labels"], a["share"], f"{a['right']} of {a['asked']} right, at {a['labels']} labels")
        for a in rolling_agreement(web().store.runs(project_id))
    ]
    return _page(
        "project.html",
        status=status,
        label_studio=f"{settings.label_studio_public_url or settings.label_studio_url}/projects/{project_id}",
        runs=status["runs"][::-1][:RUNS_SHOWN],
        chart=share_chart(points, "labels"),
        most=max(status["labels"].values(), default=0),
        defaults=ProjectSettings().model_dump(mode="json"),
        limits=number_limits(),
        embedding_model=status["settings"]["embedding_model"] or settings.embedding_model,
        default_model=settings.embedding_model,
        strategies=strategy_summaries(),
        strategy_uses=strategy_uses(),
        initials=initial_names(),
        access="basic" if settings.basic_auth_on else "key" if settings.label_studio_api_key else "none",
    )


def wants_html() -> bool:
    """Whether the request comes from a browser."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def error_page(sentence: str, status: int) -> Response:
    """An error page."""
    return _page("error.html", sentence=sentence, code=status)


def _list_page() -> Response:
    require_basic_auth()
    address = web().settings.backend_url or request.url_root
    return _page("projects.html", projects=_summaries(), address=address)


def _summaries() -> list[dict[str, Any]]:
    projects, problem = web().store.projects(), web().readiness.database_problem()
    return [_summary(p if problem is None else with_database_problem(p, problem)) for p in projects]


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


def _page(template: str, **values: Any) -> Response:
    page = render_template(template, states=STATES, moment=_moment, **values)
    response = make_response(page.encode("utf-8", "replace"))  # settings may hold lone surrogates
    # Titles and labels come from outside, so only our own script and style sheet are allowed.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.app_template_filter("code")
def code(text: str | None) -> Markup:
    """The text, escaped, with every part between two backticks as <code>."""
    parts = (text or "").split("`")
    if len(parts) % 2 == 0:  # a backtick without a partner stays as it is
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def _moment(seconds: float | None, relative: bool = False) -> Markup:
    """A point in time (Unix time), which the script of the page shows in the browser's time zone.

    relative: whether it is shown as "2 minutes ago" while it is less than a day old.
    """
    if seconds is None:
        return Markup("never")
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    kind = Markup(" data-relative") if relative else ""
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"), text, kind, text
    )
