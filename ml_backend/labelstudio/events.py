"""Webhook events: which tasks have to be read again after each one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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


def affected_tasks(action: str, body: dict[str, Any]) -> Affected:
    """What to read again after this event. Accepts bodies of any shape; an unknown action affects nothing."""
    if action == TRAIN:
        return Affected(everything=True, train=True)
    if action == "PROJECT_DELETED":
        return Affected(project_deleted=True)
    if action in TASK_ACTIONS:
        tasks = _ids(_list(body, "tasks"))
        return Affected(task_ids=tasks, everything=not tasks)
    if action in ANNOTATION_ACTIONS:
        annotations = _list(body, "annotations", "annotation")
        return _of_annotations(annotations)
    return Affected()


def _of_annotations(annotations: list[dict[str, Any]]) -> Affected:
    tasks, without_task = set(), set()
    for annotation in annotations:
        task = annotation.get("task")
        task_id = task.get("id") if isinstance(task, dict) else task
        if isinstance(task_id, int):
            tasks.add(task_id)
        elif isinstance(annotation.get("id"), int):
            # A deletion names only the annotation; its task is found in the database.
            without_task.add(annotation["id"])
    return Affected(frozenset(tasks), frozenset(without_task), everything=not tasks and not without_task)


def _list(body: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    for name in names:
        value = body.get(name)
        if isinstance(value, dict):
            return [value]
        if isinstance(value, list):
            return [item for item in value if isinstance(item, dict)]
    return []


def _ids(items: Iterable[dict[str, Any]]) -> frozenset[int]:
    return frozenset(item["id"] for item in items if isinstance(item.get("id"), int))
