"""Starts, shows and stops the jobs that go on in the background."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request

from ml_backend.pipeline.job_kinds import KINDS, LONG_KINDS
from ml_backend.store.job_records import JobRecord, file_of_job
from ml_backend.store.states import JobState
from ml_backend.web.access.cross_site import FORM, accepts_form
from ml_backend.web.access.rights import require_person, require_sender
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.job_input import sent
from ml_backend.web.page_parts.project_page import address_after_form
from ml_backend.web.stored_project import unknown_project

blueprint = Blueprint("jobs", __name__)


@blueprint.post("/projects/<int:project_id>/jobs/<string:kind>")
@accepts_form
def start(project_id: int, kind: str) -> Any:
    """Start a job of this kind; the same one, if it goes on already, is returned instead of a second one.

    A form is sent back to the page that its field `view` names. Raises BadRequest for an unknown kind or parameters
    that the kind refuses.
    """
    who = require_sender(project_id)
    if kind not in LONG_KINDS:
        raise BadRequest(f"There is no job {kind[:100]!r}; there are: {', '.join(LONG_KINDS)}.", 404)
    job = web().store.add_only_job(project_id, kind, sent(kind), who.name)
    if job is None:
        raise unknown_project(project_id)
    web().queue.wake_jobs()
    return _back(project_id) if request.mimetype == FORM else (job_view(job), 202)


@blueprint.get("/projects/<int:project_id>/jobs/<int:job_id>")
def show(project_id: int, job_id: int) -> dict[str, Any]:
    """A job and how far it has come, see `job_view`."""
    require_person(project_id, "Jobs")
    return job_view(_job(project_id, job_id))


@blueprint.get("/projects/<int:project_id>/jobs/<int:job_id>/file")
def download(project_id: int, job_id: int) -> Response:
    """The file that a job made, part by part. Raises BadRequest while there is none, or if it is kept no longer."""
    require_person(project_id, "Files")
    store, job = web().store, _job(project_id, job_id)
    name = file_of_job(job_id)
    file = store.kept_file(project_id, name)
    if job.state != JobState.DONE or file is None:
        raise BadRequest(f"Job {job_id} has no file; only the last ones are kept. Start it again under Actions.", 404)
    response = Response(store.file_parts(project_id, name), content_type=file.about["type"])
    response.headers.set("Content-Disposition", "attachment", filename=file.about["name"])
    response.content_length = file.size
    return response


@blueprint.post("/projects/<int:project_id>/jobs/<int:job_id>/stop")
@accepts_form
def stop(project_id: int, job_id: int) -> Any:
    """Stop a job; what it did until then stays."""
    require_sender(project_id)
    web().store.stop_job(project_id, job_id)
    return _back(project_id) if request.mimetype == FORM else {}


def job_view(job: JobRecord) -> dict[str, Any]:
    """A job as JSON and for templates: its record without what only workers need, and its title."""
    hidden = {"owner", "until", "checkpoint", "tries"}
    title = KINDS[job.kind].title if job.kind in KINDS else job.kind
    return {**{name: value for name, value in vars(job).items() if name not in hidden}, "title": title}


def _job(project_id: int, job_id: int) -> JobRecord:
    job = web().store.job(project_id, job_id)
    if job is None:
        raise BadRequest(f"Project {project_id} has no job {job_id}.", 404)
    return job


def _back(project_id: int) -> Any:
    return redirect(address_after_form(project_id, "actions", _anchor=request.form.get("at") or None), 303)
