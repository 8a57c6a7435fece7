"""Search by meaning and by words, and serve what was found."""

from __future__ import annotations

from flask import Response

from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import page_with_texts


@blueprint.get("/projects/<int:project_id>/find")
def find(project_id: int) -> Response:
    """Search by meaning and by words, and serve what was found. Raises BadRequest."""
    return page_with_texts(project_id, "find").render("find.html")
