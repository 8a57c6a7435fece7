"""How good a project's head is, as JSON."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from ml_backend.pipeline.evaluated import project_evaluation
from ml_backend.web.access.rights import require_reader
from ml_backend.web.context import web
from ml_backend.web.stored_project import stored_project

blueprint = Blueprint("evaluation", __name__)


@blueprint.get("/projects/<int:project_id>/evaluation")
def evaluation(project_id: int) -> dict[str, Any]:
    """The newest evaluation and its history, see `project_evaluation`. Raises BadRequest for an unknown project."""
    who = require_reader(project_id)
    return project_evaluation(web().store, stored_project(project_id), with_people=who is not None)
