"""The webhook: store the event, request a run, respond."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint

from ml_backend.labelstudio.events import ANNOTATION_ACTIONS, PROJECT_ACTIONS, TASK_ACTIONS, TRAIN
from ml_backend.labelstudio.json_values import kind_of, parsed_id
from ml_backend.store.records import NewEvent, ProjectRecord
from ml_backend.store.states import ProjectState, RunReason
from ml_backend.web.access.webhook_access import require_own_project, require_webhook_sender
from ml_backend.web.bodies import json_object, parsed_project
from ml_backend.web.context import web
from ml_backend.web.label_studio_routes.candidates import hear_of_event

logger = logging.getLogger(__name__)
blueprint = Blueprint("webhooks", __name__)

OK = {"status": "ok"}
LONGEST_NAME_LOGGED = 60
REASONS = {
    **dict.fromkeys(ANNOTATION_ACTIONS, RunReason.LABELS),
    **dict.fromkeys(TASK_ACTIONS, RunReason.TASKS),
    **dict.fromkeys(PROJECT_ACTIONS, RunReason.PROJECT),
    TRAIN: RunReason.TRAINING,
}


@blueprint.post("/webhook")
def webhook() -> dict[str, Any]:
    """Called for every change in a project, while the annotator waits, so the event is only stored."""
    sender = require_webhook_sender()
    body = json_object()
    action = body.get("action")
    project_id = parsed_project(body.get("project"))
    reason = REASONS.get(action) if isinstance(action, str) else None
    if reason is None:
        name = repr(action[:LONGEST_NAME_LOGGED]) if isinstance(action, str) else kind_of(action)
        logger.warning("project %s: the unknown event %s was ignored", project_id, name)
        return {**OK, "ignored": "unknown action"}
    if project_id is None:
        logger.warning("the event %s names no project and was ignored", action)
        return {**OK, "ignored": "no project"}
    require_own_project(sender, project_id)
    context = web()
    if reason == RunReason.PROJECT and not _changes_anything(
        str(action), context.store.project(project_id), body["project"]
    ):
        logger.debug("project %s: %s changes nothing here", project_id, action)
        return OK
    if context.knows(project_id) and context.inbox.put(NewEvent(project_id, str(action), _ids_only(body), reason)):
        return OK
    return {**OK, "ignored": hear_of_event(context, project_id)}


def _changes_anything(action: str, project: ProjectRecord | None, reported: Any) -> bool:
    """Whether a project event needs a run; our own changes in Label Studio are reported as PROJECT_UPDATED too."""
    if action == "PROJECT_DELETED":
        return project is not None
    if project is None or not isinstance(reported, dict):
        return action == "PROJECT_UPDATED"
    if project.state == ProjectState.UNSUPPORTED:
        return True
    config = reported.get("label_config", project.label_config)
    title = reported.get("title", project.title)
    return bool(config != project.label_config or title != project.title)


def _ids_only(body: dict[str, Any]) -> dict[str, Any]:
    """The event without texts and project; ids are enough, since a run reads the tasks from Label Studio."""
    event: dict[str, Any] = {"action": body["action"]}
    for name in ("tasks", "annotations", "annotation"):
        value = body.get(name)
        if isinstance(value, dict):
            event[name] = _id_and_task(value)
        elif isinstance(value, list):
            event[name] = [_id_and_task(item) for item in value if isinstance(item, dict)]
    return event


def _id_and_task(item: dict[str, Any]) -> dict[str, Any]:
    task = item.get("task")
    ids = {"id": item.get("id"), "task": task.get("id") if isinstance(task, dict) else task}
    return {name: number for name, value in ids.items() if (number := parsed_id(value)) is not None}
