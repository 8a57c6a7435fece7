"""How good the model is, over time and for each class."""

from __future__ import annotations

from flask import Response

from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import open_page


@blueprint.get("/projects/<int:project_id>/quality")
def quality(project_id: int) -> Response:
    """How good the model is, over time and for each class. Raises BadRequest."""
    shown = open_page(project_id, "quality")
    return shown.render("quality.html", quality=shown.quality())
