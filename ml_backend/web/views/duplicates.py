"""Groups of nearly equal texts: where "the same" ends, and one label for a group, with undo."""

from __future__ import annotations

import logging
from typing import Any

from flask import Response, redirect, request

from ml_backend.pipeline.search_questions import PAIRS, THRESHOLDS, USUAL_THRESHOLD, Groups, page_number
from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import JobState
from ml_backend.web.access.cross_site import FORM, accepts_form
from ml_backend.web.access.rights import require_sender
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.job_input import sent
from ml_backend.web.page_parts.found_texts import readable, with_texts
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.project_page import address_after_form, page_with_texts
from ml_backend.web.project_routes.jobs import job_view
from ml_backend.web.questions import ask
from ml_backend.web.stored_project import require_project

logger = logging.getLogger(__name__)

LABELLINGS_SHOWN = 10
WHICH = {Groups.OPEN: "with open texts", Groups.MIXED: "with different labels", Groups.ALL: "all"}


@blueprint.get("/projects/<int:project_id>/duplicates")
def duplicates(project_id: int) -> Response:
    """Groups of nearly equal texts at a threshold. Raises BadRequest."""
    shown = page_with_texts(project_id, "find")
    store = web().store
    comparisons = store.jobs(project_id, ["near_duplicates"], limit=1)
    is_compared = any(file.about.get("finished") for file in store.files(project_id, PAIRS))
    answer, problem, status = None, "", 200
    if is_compared and shown.who is not None:
        given = {name: request.args.get(name) for name in ("threshold", "which", "page")}
        try:
            answer = _with_texts(project_id, ask(project_id, "groups", given, shown.who.name))
        except BadRequest as refused:
            problem, status = str(refused), refused.status
    response = shown.render(
        "duplicates.html",
        comparison=job_view(comparisons[0]) if comparisons else None,
        is_compared=is_compared,
        answer=answer,
        problem=problem,
        thresholds=THRESHOLDS,
        threshold=request.args.get("threshold", USUAL_THRESHOLD, float),
        which=request.args.get("which") or str(Groups.OPEN),
        choices_of_which=WHICH,
        page=page_number(request.args.get("page")),
        classes=shown.classes,
        labellings=_labellings(project_id),
        query=request.query_string.decode("utf-8", "replace"),
    )
    response.status_code = status
    return response


@blueprint.post("/projects/<int:project_id>/duplicates/label")
@accepts_form
def label_group(project_id: int) -> Any:
    """Give the open tasks of a group one label, in the background; see `parse_label_group`. Raises BadRequest."""
    return _started(project_id, "label_group")


@blueprint.post("/projects/<int:project_id>/duplicates/undo")
@accepts_form
def undo_group_label(project_id: int) -> Any:
    """Delete the annotations that such a job made, where nobody changed them. Raises BadRequest."""
    return _started(project_id, "undo_group_label")


def _started(project_id: int, kind: str) -> Any:
    """Start a job, also if others of its kind wait: each is of another group."""
    who, parameters = require_sender(project_id), sent(kind)
    require_project(project_id)
    job = web().store.add_job(project_id, kind, parameters, who.name)
    web().queue.wake_jobs()
    logger.info("project %s: %s started %s %s", project_id, who.name, kind, parameters)
    if request.mimetype != FORM:
        return job_view(job), 202
    values = {name: value for name in ("threshold", "which", "page") if (value := request.form.get(name))}
    return redirect(address_after_form(project_id, "duplicates", **values, _anchor="labellings"), 303)


def _with_texts(project_id: int, answer: dict[str, Any]) -> dict[str, Any]:
    """The worker's answer with the texts of its groups and examples."""
    examples = [pair for side in ("above", "below") for pair in answer[side]]
    texts = web().store.texts_of_tasks(project_id, [task for pair in examples for task in pair["tasks"]])
    for pair in examples:
        pair["texts"] = [readable(texts.get(task, "")) for task in pair["tasks"]]
    for group in answer["groups"]:
        group["texts"] = with_texts(project_id, group["texts"])
    return answer


def _labellings(project_id: int) -> list[dict[str, Any]]:
    """The last jobs that labelled a group, newest first, each with what came of undoing it."""
    store = web().store
    undone: dict[int, JobRecord] = {}
    for undo in store.jobs(project_id, ["undo_group_label"]):
        undone.setdefault(undo.parameters["job"], undo)
    return [
        {
            **job_view(job),
            "class": job.parameters["class"],
            "tasks": len(job.parameters["tasks"]),
            "made": len((job.checkpoint or {}).get("made", [])),
            "undo": None if job.id not in undone else job_view(undone[job.id]),
            "may_undo": job.has_ended and (job.id not in undone or undone[job.id].state == JobState.FAILED),
        }
        for job in store.jobs(project_id, ["label_group"], limit=LABELLINGS_SHOWN)
    ]
