"""The engine room: what is read, the batch, the steps of runs, problems of tasks."""

from __future__ import annotations

from flask import Response

from ml_backend.web.context import web
from ml_backend.web.page_parts.left_to_label import left_to_label
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.project_page import open_page
from ml_backend.web.page_parts.settings_words import setting_words

RUNS_SHOWN = 10
CHANGES_SHOWN = 10


@blueprint.get("/projects/<int:project_id>/details")
def details(project_id: int) -> Response:
    """What is read, the batch, the steps of runs, problems of tasks. Raises BadRequest for an unknown project."""
    shown = open_page(project_id, "details", with_lists=True)
    status, store = shown.status, web().store
    batch = store.current_batch(project_id)
    return shown.render(
        "details.html",
        left=0 if batch is None else len(left_to_label(store, project_id, batch)),
        runs=status["runs"][::-1][:RUNS_SHOWN],
        embedding_model=status["settings"]["embedding_model"] or web().settings.embedding_model,
        setting=setting_words,
        changes_shown=CHANGES_SHOWN,
    )
