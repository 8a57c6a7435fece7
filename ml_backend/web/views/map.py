"""All texts in two dimensions: the page, and what its script draws."""

from __future__ import annotations

import gzip
from typing import Any

from flask import Response, current_app, request

from ml_backend.pipeline.map_names import COLOURINGS, POSITIONS, Colouring, LayoutKind, colours_file
from ml_backend.store.job_records import KeptFile
from ml_backend.web.access.rights import require_person
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.project_page import page_with_texts
from ml_backend.web.project_routes.jobs import job_view
from ml_backend.web.project_routes.serve_next import MOST_TASKS
from ml_backend.web.questions import LONGEST_WAIT_SECONDS, ask
from ml_backend.web.stored_project import stored_project

SHORT_WAIT_SECONDS = 2.0
"""How long to wait for news while there is an earlier map to show."""
UNAVAILABLE = 503


@blueprint.get("/projects/<int:project_id>/map")
def map(project_id: int) -> Response:
    """The map of all texts. Raises BadRequest."""
    shown = page_with_texts(project_id, "map")
    store = web().store
    jobs = store.jobs(project_id, ["map_layout"], limit=1)
    kept = store.kept_file(project_id, POSITIONS)
    by = request.args.get("by", "")
    return shown.render(
        "map.html",
        layout=None if kept is None else kept.about,
        is_arranged=kept is not None and kept.about["kind"] == LayoutKind.NEIGHBOURS,
        job=job_view(jobs[0]) if jobs else None,
        colourings={str(name): words for name, words in COLOURINGS.items()},
        by=by if by in set(Colouring) else _usual_colouring(shown.status["labeled"]),
        most_tasks=MOST_TASKS,
    )


@blueprint.get("/projects/<int:project_id>/map/positions")
def map_positions(project_id: int) -> Response:
    """Where each text lies: gzip of safetensors, see `pipeline.map_positions`. Raises BadRequest."""
    return _file(project_id, POSITIONS, "map_positions", {})


@blueprint.get("/projects/<int:project_id>/map/colours")
def map_colours(project_id: int) -> Response:
    """The group of each text, in the order of the positions, by `by`: a value of `Colouring`. Raises BadRequest."""
    by = request.args.get("by", "")
    name = colours_file(Colouring(by)) if by in set(Colouring) else colours_file(Colouring.LABEL)
    return _file(project_id, name, "map_colours", {"by": by})


def _usual_colouring(labeled: int) -> str:
    """The labels, and before the first one, when these would be one grey group, the predictions."""
    return str(Colouring.LABEL if labeled else Colouring.PREDICTION)


def _file(project_id: int, name: str, kind: str, given: dict[str, Any]) -> Response:
    """A file that a job keeps, brought up to date; the earlier one while no worker answers. Raises BadRequest."""
    who = require_person(project_id, "Maps")
    store = web().store
    record = stored_project(project_id)
    kept = store.kept_file(project_id, name)
    if kept is None and not record.counts.embedded:
        raise BadRequest("There is nothing to draw yet: no text of this project is embedded.", 404)
    is_old = False
    try:
        ask(project_id, kind, given, who.name, LONGEST_WAIT_SECONDS if kept is None else SHORT_WAIT_SECONDS)
    except BadRequest as problem:
        if kept is None or problem.status != UNAVAILABLE:
            raise
        is_old = True
    kept, content = store.kept_file(project_id, name), store.file_content(project_id, name)
    if kept is None or content is None:
        raise BadRequest("The map is being made anew: reload the page.", UNAVAILABLE)
    return _sent(content, kept, is_old)


def _sent(content: bytes, kept: KeptFile, is_old: bool) -> Response:
    takes_gzip = request.accept_encodings.quality("gzip") > 0
    response = current_app.response_class(
        content if takes_gzip else gzip.decompress(content), mimetype="application/octet-stream"
    )
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    # Browsers keep it, and ask each time whether it is still the same and whether the person may still see it.
    response.headers["Cache-Control"] = "private, no-cache"
    if is_old:
        response.headers["X-Out-Of-Date"] = "1"
    response.set_etag(kept.about["key"])
    response.make_conditional(request)
    return response
