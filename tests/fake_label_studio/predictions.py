"""Routes that write predictions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint

from fake_label_studio.problems import Refused
from fake_label_studio.records import Prediction
from fake_label_studio.studio import Studio, body, body_object, user
from fake_label_studio.tables import Tables


def routes(studio: Studio) -> Blueprint:
    """`/api/projects/<id>/import/predictions` and `/api/predictions`."""
    blueprint = Blueprint("predictions", __name__)
    tables = studio.tables

    @blueprint.post("/api/projects/<int:project_id>/import/predictions")
    def import_predictions(project_id: int) -> tuple[dict[str, Any], int]:
        items = body()
        with tables.lock:
            project = tables.project(project_id, user())
            tasks = {task.id for task in tables.tasks_of(project.id)}
            for item in items:
                if item.get("task") not in tasks:
                    raise Refused(
                        400,
                        f'{item} contains invalid "task" field: corresponding task ID couldn\'t be retrieved from '
                        f"project {project.id} tasks",
                    )
            accepted = [item for item in items if studio.faults.fast_import or _valid(item)]
            accepted = accepted[studio.faults.dropped_predictions :]
            for item in accepted:
                add_prediction(tables, item)
            for task in tables.tasks_of(project.id):
                if not studio.faults.stale_counters:
                    tables.count(task)
        return {"created": len(accepted)}, 201

    @blueprint.post("/api/predictions")
    def create() -> tuple[dict[str, Any], int]:
        item = body_object()
        with tables.lock:
            tables.task(item["task"], user())
            made = add_prediction(tables, item)
            tables.touch(made.task)
            return asdict(made), 201

    return blueprint


def add_prediction(tables: Tables, item: dict[str, Any]) -> Prediction:
    """Store a prediction of a task that exists."""
    made = Prediction(
        id=tables.new_id(),
        task=item["task"],
        project=tables.tasks[item["task"]].project,
        result=item.get("result", []),
        score=item.get("score"),
        model_version=item.get("model_version") or "undefined",
        created_at=tables.now(),
    )
    tables.predictions[made.id] = made
    return made


def _valid(item: dict[str, Any]) -> bool:
    """Whether the score is within 0 to 1; other predictions are left out, and only Label Studio's log says so."""
    score = item.get("score")
    return score is None or 0.0 <= score <= 1.0
