"""Webhook events: which tasks have to be read again after each one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.json_values import parsed_id

SECRET_HEADER = "X-Active-Learning-Secret"
"""Header with the secret of this backend's webhooks, since Label Studio sends them without credentials."""
ANNOTATION_ACTIONS = {
    "ANNOTATION_CREATED",
    "ANNOTATIONS_CREATED",
    "ANNOTATION_UPDATED",
    "ANNOTATIONS_DELETED",
    "ANNOTATION_DELETED",
}
TASK_ACTIONS = {"TASKS_CREATED", "TASKS_DELETED"}
PROJECT_ACTIONS = {"PROJECT_CREATED", "PROJECT_UPDATED", "PROJECT_DELETED"}
TRAIN = "START_TRAINING"


@dataclass(frozen=True)
class Affected:
    """What an event reports.

    task_ids: tasks to read again; annotation_ids: annotations whose tasks have to be read again; everything: the event
    does not name what changed, so all tasks have to be compared; train: somebody pressed Start Training;
    project_deleted: the project was deleted.
    """

    task_ids: frozenset[int] = frozenset()
    annotation_ids: frozenset[int] = frozenset()
    everything: bool = False
    train: bool = False
    project_deleted: bool = False


def affected_tasks(action: str, body: Any) -> Affected:
    """What to read again after this event. Accepts bodies of any shape; an unknown action affects nothing."""
    if action == TRAIN:
        return Affected(everything=True, train=True)
    if action == "PROJECT_DELETED":
        return Affected(project_deleted=True)
    if action in TASK_ACTIONS:
        tasks = _ids(item.get("id") for item in _objects(body, "tasks"))
        return Affected(task_ids=tasks, everything=not tasks)
    if action in ANNOTATION_ACTIONS:
        return _of_annotations(_objects(body, "annotations", "annotation"))
    return Affected()


def _of_annotations(annotations: list[dict[str, Any]]) -> Affected:
    task_of = [(annotation, _id_of(annotation.get("task"))) for annotation in annotations]
    tasks = _ids(task_id for _, task_id in task_of)
    # A deletion names only the annotation; its task is found in the database.
    without_task = _ids(annotation.get("id") for annotation, task_id in task_of if parsed_id(task_id) is None)
    return Affected(tasks, without_task, everything=not tasks and not without_task)


def _objects(body: Any, *names: str) -> list[dict[str, Any]]:
    for name in names:
        value = body.get(name) if isinstance(body, dict) else None
        if isinstance(value, dict):
            return [value]
        if isinstance(value, list):
            return [item for item in value if isinstance(item, dict)]
    return []


def _id_of(item: Any) -> Any:
    return item.get("id") if isinstance(item, dict) else item


def _ids(values: Iterable[Any]) -> frozenset[int]:
    return frozenset(number for value in values if (number := parsed_id(value)) is not None)
