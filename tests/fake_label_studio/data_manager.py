"""Actions of the Data Manager on selected tasks."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from fake_label_studio.ml import predict
from fake_label_studio.problems import Refused
from fake_label_studio.records import Project, Task
from fake_label_studio.studio import Studio, body_object, user


def routes(studio: Studio) -> Blueprint:
    """`/api/dm/actions`."""
    blueprint = Blueprint("data_manager", __name__)
    tables = studio.tables

    @blueprint.post("/api/dm/actions")
    def act() -> dict[str, Any]:
        selected = body_object()["selectedItems"]
        with tables.lock:
            project = tables.project(int(request.args["project"]), user())
            chosen, every = set(selected.get("included", [])), bool(selected["all"])
            tasks = [task for task in tables.tasks_of(project.id) if every or task.id in chosen]
        name = request.args["id"]
        if name not in ACTIONS:
            raise Refused(400, f"the fake knows no action {name!r}")
        ACTIONS[name](studio, project, tasks)
        return {"processed_items": len(tasks)}

    return blueprint


def _delete_tasks(studio: Studio, project: Project, tasks: list[Task]) -> None:
    with studio.tables.lock:
        for task in tasks:
            studio.tables.remove_task(task.id)
    studio.outgoing.emit(project, "TASKS_DELETED", tasks=[{"id": task.id} for task in tasks])


def _delete_annotations(studio: Studio, project: Project, tasks: list[Task]) -> None:
    with studio.tables.lock:
        deleted = [annotation for task in tasks for annotation in studio.tables.annotations_of(task.id)]
        for annotation in deleted:
            studio.tables.remove_annotation(annotation)
    studio.outgoing.emit(project, "ANNOTATIONS_DELETED", annotations=[{"id": annotation.id} for annotation in deleted])


def _delete_predictions(studio: Studio, _project: Project, tasks: list[Task]) -> None:
    with studio.tables.lock:
        for task in tasks:
            for prediction in studio.tables.predictions_of(task.id):
                studio.tables.predictions.pop(prediction.id)


def _retrieve_predictions(studio: Studio, project: Project, tasks: list[Task]) -> None:
    for backend in studio.tables.backends_of(project.id):
        predict(studio, backend, tasks)


ACTIONS = {
    "delete_tasks": _delete_tasks,
    "delete_tasks_annotations": _delete_annotations,
    "delete_tasks_predictions": _delete_predictions,
    "retrieve_tasks_predictions": _retrieve_predictions,
}
