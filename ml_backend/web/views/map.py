"""All texts in two dimensions."""

from __future__ import annotations

from flask import Response

from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import page_with_texts


@blueprint.get("/projects/<int:project_id>/map")
def map(project_id: int) -> Response:
    """All texts in two dimensions. Raises BadRequest."""
    return page_with_texts(project_id, "map").render("map.html")
