"""How good the model is, over time and for each class."""

from __future__ import annotations

from flask import Response

from ml_backend.web.context import web
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.project_page import open_page
from ml_backend.web.page_parts.settings_words import change_words


@blueprint.get("/projects/<int:project_id>/quality")
def quality(project_id: int) -> Response:
    """How good the model is, over time and for each class; texts for people by name only. Raises BadRequest."""
    shown = open_page(project_id, "quality")
    found = shown.quality()
    examples = [task for pair in found.get("confusions", []) for task in pair["examples"]]
    texts = web().store.texts_of_tasks(project_id, examples) if shown.who is not None else {}
    return shown.render("quality.html", quality=found, texts=texts, change_words=change_words)
