"""Routes about projects: their fields, their model versions, and the next task."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, request

from fake_label_studio.ml import backend_json
from fake_label_studio.next_task import next_task
from fake_label_studio.outgoing import project_json
from fake_label_studio.problems import Refused, invalid
from fake_label_studio.records import Project
from fake_label_studio.studio import Studio, body_object, user
from fake_label_studio.tables import Tables
from fake_label_studio.tasks import full_task

PROJECTS_PER_PAGE, MOST_PROJECTS_PER_PAGE = 30, 100
EDITABLE = ("title", "label_config", "sampling", "model_version", "maximum_annotations", "show_collab_predictions")


def routes(studio: Studio) -> Blueprint:
    """`/api/projects` and the paths below, except for imports."""
    blueprint = Blueprint("projects", __name__)
    tables = studio.tables

    @blueprint.get("/api/projects")
    def projects() -> dict[str, Any]:
        with tables.lock:
            mine = [p for p in tables.projects.values() if p.organization == user().organization]
            size = min(request.args.get("page_size", PROJECTS_PER_PAGE, int), MOST_PROJECTS_PER_PAGE)
            page = request.args.get("page", 1, int)
            shown = mine[(page - 1) * size : page * size]
            if not shown and page > 1:
                raise Refused(404, "Invalid page.")
            following = f"{request.base_url}?page={page + 1}" if len(mine) > page * size else None
            return {"count": len(mine), "next": following, "results": [_described(tables, p) for p in shown]}

    @blueprint.post("/api/projects")
    def create() -> tuple[dict[str, Any], int]:
        fields = body_object()
        with tables.lock:
            project = Project(tables.new_id(), user().organization, user(), time.time())
            tables.projects[project.id] = project
            _change(tables, project, fields)
            return _described(tables, project), 201

    @blueprint.get("/api/projects/<int:project_id>")
    def project(project_id: int) -> dict[str, Any]:
        with tables.lock:
            return _described(tables, tables.project(project_id, user()))

    @blueprint.patch("/api/projects/<int:project_id>")
    def change(project_id: int) -> dict[str, Any]:
        with tables.lock:
            project = tables.project(project_id, user())
            _change(tables, project, body_object())
            changed = _described(tables, project)
        studio.outgoing.emit(project, "PROJECT_UPDATED")
        return changed

    @blueprint.delete("/api/projects/<int:project_id>")
    def delete(project_id: int) -> tuple[str, int]:
        # PROJECT_DELETED goes to an organization's webhooks only.
        with tables.lock:
            tables.remove_project(tables.project(project_id, user()).id)
        return "", 204

    @blueprint.get("/api/projects/<int:project_id>/next")
    def following(project_id: int) -> dict[str, Any]:
        with tables.lock:
            project = tables.project(project_id, user())
            task = next_task(tables, project, user())
            if task is None:
                raise Refused(404, f"There are no tasks for {user().email}")
            shown = full_task(tables, task)
            shown["annotations"] = []
            version = project.model_version
            shown["predictions"] = [p for p in shown["predictions"] if p["model_version"] == version]
            return shown

    @blueprint.get("/api/projects/<int:project_id>/model-versions")
    def versions(project_id: int) -> dict[str, Any]:
        with tables.lock:
            project = tables.project(project_id, user())
            counted = _versions(tables, project)
            if request.args.get("extended", "").lower() != "true":
                if project.model_version:
                    counted.setdefault(project.model_version, 0)
                return counted
            live = request.args.get("include_live_models", "").lower() == "true"
            return {
                "static": [{"model_version": version, "count": n} for version, n in counted.items()],
                "live": [backend_json(b) for b in tables.backends_of(project.id)] if live else None,
            }

    @blueprint.delete("/api/projects/<int:project_id>/model-versions")
    def delete_version(project_id: int) -> dict[str, Any]:
        version = body_object().get("model_version")
        if not version:
            raise invalid(non_field_errors="model_version param is required")
        with tables.lock:
            project = tables.project(project_id, user())
            titles = {b.title for b in tables.backends_of(project.id)}
            # Also if the project serves by a backend's title, whichever version is deleted.
            if project.model_version == version or project.model_version in titles:
                project.model_version = None
            deleted = [
                p.id for p in tables.predictions.values() if (p.project, p.model_version) == (project.id, version)
            ]
            for prediction_id in deleted:
                tables.predictions.pop(prediction_id)
        return {"deleted_predictions": len(deleted)}

    return blueprint


def _change(tables: Tables, project: Project, fields: dict[str, Any]) -> None:
    version = fields.get("model_version")
    if version and version != project.model_version:
        titles = {b.title for b in tables.backends_of(project.id)}
        if version not in titles | set(_versions(tables, project)):
            raise invalid(model_version="Model version doesn't exist either as live model or as static predictions.")
    for name in EDITABLE:
        if name in fields:
            setattr(project, name, fields[name])
    if "maximum_annotations" in fields:
        for task in tables.tasks_of(project.id):
            task.overlap, task.marked = project.maximum_annotations, None
    if fields.get("show_collab_predictions") is False:
        project.model_version = ""


def _versions(tables: Tables, project: Project) -> dict[str, int]:
    counted: dict[str, int] = {}
    for prediction in tables.predictions.values():
        if prediction.project == project.id:
            counted[prediction.model_version] = counted.get(prediction.model_version, 0) + 1
    return counted


def _described(tables: Tables, project: Project) -> dict[str, Any]:
    skips = [a.was_cancelled for a in tables.annotations.values() if a.project == project.id]
    return project_json(project) | {
        "task_number": len(tables.tasks_of(project.id)),
        "total_annotations_number": skips.count(False),
        "skipped_annotations_number": skips.count(True),
    }
