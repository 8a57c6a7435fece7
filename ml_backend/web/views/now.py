"""What the project knows now, and what comes next."""

from __future__ import annotations

from flask import Response

from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import open_page


@blueprint.get("/projects/<int:project_id>")
def project(project_id: int) -> Response:
    """The first page of a project. Raises BadRequest for an unknown project."""
    shown = open_page(project_id, "project")
    return shown.render("now.html", quality=shown.quality())
