"""The people who label, their pace and their agreement."""

from __future__ import annotations

from flask import Response

from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import page_with_texts


@blueprint.get("/projects/<int:project_id>/people")
def people(project_id: int) -> Response:
    """The people who label, their pace and their agreement. Raises BadRequest."""
    shown = page_with_texts(project_id, "people")
    return shown.render("people.html", quality=shown.quality())
