"""Routes about annotations, skips and drafts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from fake_label_studio.outgoing import annotation_json
from fake_label_studio.problems import Refused, invalid
from fake_label_studio.records import Annotation
from fake_label_studio.studio import Studio, body_object, user
from fake_label_studio.tables import Tables


def routes(studio: Studio) -> Blueprint:
    """`/api/tasks/<id>/annotations`, `/api/annotations`, `/api/tasks/<id>/drafts`."""
    blueprint = Blueprint("annotations", __name__)
    tables = studio.tables

    @blueprint.post("/api/tasks/<int:task_id>/annotations")
    def create(task_id: int) -> tuple[dict[str, Any], int]:
        with tables.lock:
            annotation = _submitted(studio, task_id, body_object())
            project = tables.projects[annotation.project]
        if not _items_are_whole(annotation.result):
            # Label Studio stores the annotation, then fails to update the project's summary; no webhook is sent.
            raise Refused(500, "'str' object has no attribute 'items'")
        studio.outgoing.emit(project, "ANNOTATION_CREATED", annotation=annotation_json(annotation))
        return annotation_json(annotation), 201

    @blueprint.get("/api/annotations/<int:annotation_id>")
    def annotation(annotation_id: int) -> dict[str, Any]:
        with tables.lock:
            return annotation_json(_annotation(tables, annotation_id))

    @blueprint.patch("/api/annotations/<int:annotation_id>")
    def change(annotation_id: int) -> dict[str, Any]:
        with tables.lock:
            annotation = _annotation(tables, annotation_id)
            check_result(body_object().get("result", []))
            for name in ("result", "was_cancelled", "ground_truth", "lead_time"):
                setattr(annotation, name, body_object().get(name, getattr(annotation, name)))
            annotation.updated_at = tables.now()
            tables.tasks[annotation.task].marked = None
            tables.count(tables.tasks[annotation.task])
            tables.touch(annotation.task)
            project = tables.projects[annotation.project]
        studio.outgoing.emit(project, "ANNOTATION_UPDATED", annotation=annotation_json(annotation))
        return annotation_json(annotation)

    @blueprint.delete("/api/annotations/<int:annotation_id>")
    def delete(annotation_id: int) -> tuple[str, int]:
        with tables.lock:
            annotation = _annotation(tables, annotation_id)
            tables.remove_annotation(annotation)
            project = tables.projects[annotation.project]
        studio.outgoing.emit(project, "ANNOTATIONS_DELETED", annotations=[{"id": annotation_id}])
        return "", 204

    @blueprint.post("/api/tasks/<int:task_id>/drafts")
    def draft(task_id: int) -> tuple[dict[str, Any], int]:
        with tables.lock:
            task = tables.task(task_id, user())
            row = {"id": tables.new_id(), "task": task.id, "user": user().id, "result": body_object().get("result")}
            tables.drafts[row["id"]] = row
            return row, 201

    return blueprint


def _annotation(tables: Tables, annotation_id: int) -> Annotation:
    annotation = tables.annotations.get(annotation_id)
    if annotation is None:
        raise Refused(404, "No Annotation matches the given query.")
    tables.task(annotation.task, user())
    return annotation


def _submitted(studio: Studio, task_id: int, fields: dict[str, Any]) -> Annotation:
    tables = studio.tables
    task = tables.task(task_id, user())
    check_result(fields.get("result", []))
    if not all(isinstance(item, dict) for item in fields.get("result", [])):
        raise Refused(500, "'str' object has no attribute 'get'")
    began_with = fields.get("parent_prediction")
    if began_with is not None and began_with not in tables.predictions:
        raise invalid(parent_prediction=f'Invalid pk "{began_with}" - object does not exist.')
    now = tables.now()
    annotation = Annotation(
        id=tables.new_id(),
        task=task.id,
        project=task.project,
        completed_by=user().id,
        result=fields.get("result"),
        was_cancelled=bool(fields.get("was_cancelled")),
        created_at=now,
        updated_at=now,
        lead_time=fields.get("lead_time"),
        ground_truth=bool(fields.get("ground_truth")),
        parent_prediction=began_with,
    )
    tables.annotations[annotation.id] = annotation
    task.locks.pop(user().id, None)
    task.marked = None
    if not studio.faults.stale_counters:
        tables.count(task)
    tables.touch(task.id)
    return annotation


def check_result(result: Any) -> None:
    """Refuse a result that is not a list; its items may be anything."""
    if not isinstance(result, list):
        raise Refused(400, 'annotation "result" field in annotation must be list')


def _items_are_whole(result: Any) -> bool:
    return all(isinstance(item.get("value", {}), dict) for item in result or [])
