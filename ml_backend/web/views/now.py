"""What the project knows now, and what comes next."""

from __future__ import annotations

from flask import Response

from ml_backend.pipeline.evaluated import project_evaluation
from ml_backend.web.context import web
from ml_backend.web.evaluation import evaluation_view
from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import open_page


@blueprint.get("/projects/<int:project_id>")
def project(project_id: int) -> Response:
    """The first page of a project. Raises BadRequest for an unknown project."""
    shown = open_page(project_id, "project")
    evaluated = project_evaluation(web().store, shown.record, with_people=shown.who is not None)
    status = shown.status
    quality = evaluation_view(evaluated, status["labels"], status["settings"]["strategy"])
    return shown.render("now.html", quality=quality)
