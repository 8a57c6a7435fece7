"""The routes that Label Studio calls, except the webhook."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, request

from ml_backend.labelstudio.connect_refusal import MODEL_CLASS
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.web.access.rights import require_basic_auth
from ml_backend.web.bodies import BadRequest, json_object, parsed_project, project_number
from ml_backend.web.context import web
from ml_backend.web.label_studio_routes.setup import set_up

logger = logging.getLogger(__name__)
blueprint = Blueprint("protocol", __name__)

EMBEDDING_WAIT_SECONDS = 60.0
"""How long /predict waits until a worker has embedded new texts; Label Studio's timeout is 100 s."""


def health_status() -> dict[str, Any]:
    """The response to a health check; nothing is read or written for it."""
    return {"status": "UP", "model_class": MODEL_CLASS}


@blueprint.get("/health")
def health() -> dict[str, Any]:
    """Health check; needs no credentials."""
    return health_status()


@blueprint.post("/setup")
def setup() -> dict[str, Any]:
    """Called when a project is connected, and whenever Label Studio needs the current model version."""
    require_basic_auth()
    # Behind a proxy the Host header may differ from the address that Label Studio calls, but this address is only used
    # to tell several entries apart.
    called_at = web().settings.backend_url or request.url_root.rstrip("/")
    return {"model_version": set_up(web(), json_object(), called_at)}


@blueprint.post("/predict")
def predict() -> dict[str, Any]:
    """Class and confidence for the tasks of the body, one entry per task. Raises BadRequest for an invalid body."""
    require_basic_auth()
    body = json_object()
    project_id, tasks = project_number(body.get("project")), body.get("tasks")
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise BadRequest('"tasks" must be a list of tasks, each an object with its data.')
    # This imports numpy, which the server process has already loaded, see web/server.py.
    from ml_backend.pipeline.predict import predict as predict_tasks

    context = web()
    may_wait = context.waiting.acquire(blocking=False)
    wait = EMBEDDING_WAIT_SECONDS if may_wait else 0.0
    try:
        predictions = predict_tasks(context.store, context.queue.embed_soon, project_id, tasks, wait)
    except UnsupportedLabelConfig as problem:
        raise BadRequest(f"Project {project_id}: {problem}") from None
    finally:
        if may_wait:
            context.waiting.release()
    return {"results": predictions.results, "model_version": predictions.model_version}


@blueprint.get("/versions")
def versions() -> dict[str, Any]:
    """Versions of heads, newest first: of ?project=, or of all projects, since Label Studio does not name one."""
    require_basic_auth()
    store = web().store
    project_asked = parsed_project(request.args.get("project"))
    projects = [project.id for project in store.projects()] if project_asked is None else [project_asked]
    heads = [head for project_id in projects for head in store.heads(project_id)]
    names = [head.version for head in sorted(heads, key=lambda head: -head.created_at)]
    return {"versions": names} if names else {"versions": [], "message": "No head was trained yet."}


@blueprint.post("/validate")
def validate() -> dict[str, Any]:
    """Whether a label config can be classified."""
    require_basic_auth()
    config = json_object().get("config")
    try:
        parse(config if isinstance(config, str) else "")
    except UnsupportedLabelConfig as problem:
        return {"valid": False, "error": str(problem)}
    return {"valid": True}


@blueprint.post("/duplicate_model")
def duplicate_model() -> dict[str, Any]:
    """Called when a project was copied; nothing to do, since Label Studio calls /setup for the copy."""
    require_basic_auth()
    return {"status": "ok"}


@blueprint.post("/delete")
def delete() -> dict[str, Any]:
    """Called when a connection was removed; data is only deleted when the project itself is deleted."""
    require_basic_auth()
    logger.info("project %s: its connection to this backend was removed", parsed_project(json_object().get("project")))
    return {"status": "ok"}


@blueprint.post("/job_status")
def job_status() -> dict[str, Any]:
    """The state of a training job; always finished, since the backend creates no jobs."""
    require_basic_auth()
    return {"job_status": "finished", "error": "", "created_at": None, "enqueued_at": None, "ended_at": None}
