"""Labels and tasks that somebody should look at again."""

from __future__ import annotations

from flask import Response

from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import page_with_texts


@blueprint.get("/projects/<int:project_id>/look-again")
def look_again(project_id: int) -> Response:
    """Labels and tasks that somebody should look at again. Raises BadRequest."""
    shown = page_with_texts(project_id, "look_again")
    return shown.render("look_again.html", quality=shown.quality())
