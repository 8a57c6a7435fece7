"""Routes about tasks: filtered and ordered lists, single tasks, imports."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

from flask import Blueprint, request

from fake_label_studio.annotations import check_result
from fake_label_studio.outgoing import annotation_json, task_json
from fake_label_studio.problems import Refused, invalid
from fake_label_studio.records import Annotation, Prediction, Project, Task
from fake_label_studio.studio import Studio, body, body_object, user
from fake_label_studio.tables import Tables


def routes(studio: Studio) -> Blueprint:
    """`/api/tasks` and the import of tasks."""
    blueprint = Blueprint("tasks", __name__)
    tables = studio.tables

    @blueprint.get("/api/tasks")
    def tasks() -> dict[str, Any]:
        page, size = int(request.args.get("page", 1)), int(request.args.get("page_size", 100))
        query = json.loads(request.args.get("query", "{}"))
        with tables.lock:
            project = tables.project(int(request.args["project"]), user())
            if view := request.args.get("view"):
                query = tables.views[int(view)].data
            listed = _ordered(_filtered(tables.tasks_of(project.id), query), query)
            part = listed[(page - 1) * size : page * size]
            if page > 1 and not part:
                raise Refused(404, "Invalid page.")
            with_details = request.args.get("fields") == "all"
            shown = [full_task(tables, task) if with_details else task_json(task) for task in part]
            if include := request.args.get("include"):
                shown = [_only(task, set(include.split(","))) for task in shown]
        return {"tasks": shown, "total": len(listed)}

    @blueprint.get("/api/tasks/<int:task_id>")
    def task(task_id: int) -> dict[str, Any]:
        with tables.lock:
            shown = full_task(tables, tables.task(task_id, user()))
        # Only this route tells who they are.
        shown["annotations"] = [{**a, "completed_by": {"id": a["completed_by"]}} for a in shown["annotations"]]
        return shown

    @blueprint.patch("/api/tasks/<int:task_id>")
    def change(task_id: int) -> dict[str, Any]:
        with tables.lock:
            task = tables.task(task_id, user())
            fields = body_object()
            task.data = fields.get("data", task.data)
            # Neither follows from the other before the next annotation.
            task.marked = fields.get("is_labeled", tables.is_labeled(task))
            task.overlap = fields.get("overlap", task.overlap)
            tables.touch(task.id)
            return full_task(tables, task)

    @blueprint.delete("/api/tasks/<int:task_id>")
    def delete(task_id: int) -> tuple[str, int]:
        with tables.lock:
            project = tables.projects[tables.task(task_id, user()).project]
            tables.remove_task(task_id)
        studio.outgoing.emit(project, "TASKS_DELETED", tasks=[{"id": task_id}])
        return "", 204

    @blueprint.post("/api/projects/<int:project_id>/import")
    def import_tasks(project_id: int) -> tuple[dict[str, Any], int]:
        content = body()
        items = content if isinstance(content, list) else [content]
        with tables.lock:
            project = tables.project(project_id, user())
            _check(items, project)
            new = [_imported(tables, project, item) for item in items]
            n_annotations = sum(len(tables.annotations_of(task.id)) for task in new)
        studio.outgoing.emit(project, "TASKS_CREATED", tasks=[task_json(task) for task in new])
        answer = {"task_count": len(new), "annotation_count": n_annotations}
        if request.args.get("return_task_ids"):
            answer["task_ids"] = [task.id for task in new]
        return answer, 201

    return blueprint


def _only(task: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The named fields of a task and, by the same list, of its annotations, as Label Studio's serializers do it."""
    chosen = {name: value for name, value in task.items() if name in names}
    if "annotations" in chosen:
        chosen["annotations"] = [{k: v for k, v in a.items() if k in names} for a in chosen["annotations"]]
    return chosen


def full_task(tables: Tables, task: Task) -> dict[str, Any]:
    """A task with annotations and predictions."""
    return task_json(task) | {
        "total_annotations": task.total_annotations,
        "cancelled_annotations": task.cancelled_annotations,
        "is_labeled": tables.is_labeled(task),
        "overlap": task.overlap,
        "annotations": [annotation_json(a) for a in tables.annotations_of(task.id)],
        "predictions": [asdict(p) for p in tables.predictions_of(task.id)],
        "drafts": [draft for draft in tables.drafts.values() if draft["task"] == task.id],
    }


def _check(items: list[Any], project: Project) -> None:
    """Refuse tasks without a field that the label config names."""
    names = set(re.findall(r'\bvalue="\$(\w+)"', project.label_config))
    for item in items:
        data = _data(item)
        for annotation in item.get("annotations", []) if data is not item else []:
            check_result(annotation.get("result"))
        missing = names - set(data)
        if missing:
            raise invalid(non_field_errors=f'"{min(missing)}" key is expected in task data')


def _data(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise invalid(non_field_errors="Task must be a dict")
    return item["data"] if isinstance(item.get("data"), dict) else item


def _imported(tables: Tables, project: Project, item: dict[str, Any]) -> Task:
    now = tables.now()
    task = Task(tables.new_id(), project.id, _data(item), now, now, overlap=project.maximum_annotations)
    tables.tasks[task.id] = task
    attached = item if isinstance(item.get("data"), dict) else {}
    for annotation in attached.get("annotations", []):
        row = Annotation(
            id=tables.new_id(),
            task=task.id,
            project=project.id,
            completed_by=annotation.get("completed_by", user().id),
            result=annotation.get("result", []),
            was_cancelled=bool(annotation.get("was_cancelled")),
            created_at=now,
            updated_at=now,
        )
        tables.annotations[row.id] = row
    for prediction in attached.get("predictions", []):
        made = Prediction(
            tables.new_id(),
            task.id,
            project.id,
            prediction.get("result", []),
            prediction.get("score"),
            prediction.get("model_version", "undefined"),
            now,
        )
        tables.predictions[made.id] = made
    tables.count(task)
    return task


def _filtered(tasks: list[Task], query: dict[str, Any]) -> list[Task]:
    filters = query.get("filters") or {}
    items = filters.get("items") or []
    if not items:
        return tasks
    every = any if filters.get("conjunction") == "or" else all
    return [task for task in tasks if every(_matches(task, item) for item in items)]


def _matches(task: Task, condition: dict[str, Any]) -> bool:
    value = getattr(task, condition["filter"].removeprefix("filter:tasks:"))
    operand = condition["value"]
    match condition["operator"]:
        case "greater_or_equal":
            return bool(value >= operand)
        case "greater":
            return bool(value > operand)
        case "equal":
            return bool(value == operand)
        case "in_list":
            return value in operand
    raise Refused(400, f"the fake knows no operator {condition['operator']!r}")


def _ordered(tasks: list[Task], query: dict[str, Any]) -> list[Task]:
    for order in query.get("ordering") or []:
        name = order.lstrip("-").removeprefix("tasks:")
        tasks = sorted(tasks, key=lambda task: getattr(task, name), reverse=order.startswith("-"))
    return tasks
