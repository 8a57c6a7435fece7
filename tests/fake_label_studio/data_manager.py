"""Actions of the Data Manager on selected tasks, and its tabs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, request

from fake_label_studio.ml import predict
from fake_label_studio.problems import Refused
from fake_label_studio.records import Project, Task, View
from fake_label_studio.studio import Studio, body_object, user


def routes(studio: Studio) -> Blueprint:
    """`/api/dm/actions`, `/api/dm/views`."""
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

    @blueprint.get("/api/dm/views")
    def views() -> list[dict[str, Any]]:
        with tables.lock:
            project = tables.project(int(request.args["project"]), user())
            return [asdict(view) for view in tables.views.values() if view.project == project.id]

    @blueprint.post("/api/dm/views")
    def new_view() -> tuple[dict[str, Any], int]:
        content = body_object()
        with tables.lock:
            project = tables.project(content["project"], user())
            view = View(tables.new_id(), project.id, _checked(content["data"]))
            tables.views[view.id] = view
        return asdict(view), 201

    @blueprint.patch("/api/dm/views/<int:view_id>")
    def change_view(view_id: int) -> dict[str, Any]:
        with tables.lock:
            view = tables.views.get(view_id)
            if view is None:
                raise Refused(404, "No View matches the given query.")
            tables.project(view.project, user())
            view.data = _checked(body_object()["data"])
        return asdict(view)

    return blueprint


def _checked(data: dict[str, Any]) -> dict[str, Any]:
    for item in data["filters"]["items"]:
        if not item["filter"].startswith("filter:tasks:"):
            raise Refused(400, "Filter should start with filter:tasks:")
    return data


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
