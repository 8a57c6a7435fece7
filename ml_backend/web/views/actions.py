"""Train, pause, export, predict, label copies, and when to stop."""

from __future__ import annotations

from flask import Response

from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import open_page


@blueprint.get("/projects/<int:project_id>/actions")
def actions(project_id: int) -> Response:
    """Train, pause, export, predict, label copies, and when to stop. Raises BadRequest."""
    return open_page(project_id, "actions").render("actions.html")
