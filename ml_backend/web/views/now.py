"""What the project knows now, and what comes next."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.pipeline.what_is_known import what_is_known
from ml_backend.pipeline.why_chosen import next_tasks
from ml_backend.web.context import web
from ml_backend.web.page_parts.label_days import label_days
from ml_backend.web.page_parts.left_to_label import left_to_label
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.project_page import ProjectPage, open_page

SHOWN_AT_FIRST = 20
SHOWN_AT_MOST = 200
LONGEST_TEXT = 200
"""Characters of a text in the list; the whole one is behind a click."""
LONGEST_WHOLE = 5000


@blueprint.get("/projects/<int:project_id>")
def project(project_id: int) -> Response:
    """The first page of a project; ?tasks= is how many of the next tasks are listed.

    Raises BadRequest for an unknown project.
    """
    shown = open_page(project_id, "project")
    quality = shown.quality()
    return shown.render(
        "now.html",
        quality=quality,
        known=what_is_known(shown.status, quality["body"]),
        days=label_days(web().store, project_id),
        **_next(shown, _number_of_tasks()),
    )


def _number_of_tasks() -> int:
    asked = parsed_id(request.args.get("tasks", "")) or SHOWN_AT_FIRST
    return max(SHOWN_AT_FIRST, min(asked, SHOWN_AT_MOST))


def _next(shown: ProjectPage, most: int) -> dict[str, Any]:
    """The next tasks of the published batch: `tasks`, each with its text for people by name; `more`: how many follow;
    `further`: the number to list then, None if no more are listed."""
    store = web().store
    batch = store.current_batch(shown.id)
    if batch is None:
        return {"tasks": [], "more": 0, "further": None}
    left = left_to_label(store, shown.id, batch)
    listed = next_tasks(batch, left[:most], store.requested_tasks(shown.id))
    texts = store.texts_of_tasks(shown.id, left[:most]) if shown.who is not None else {}
    rows = [{**vars(task), **_text(texts.get(task.id))} for task in listed]
    more = len(left) - len(rows)
    return {"tasks": rows, "more": more, "further": most + SHOWN_AT_FIRST if more and most < SHOWN_AT_MOST else None}


def _text(text: str | None) -> dict[str, str | None]:
    """The beginning of a text, and the whole one if it is longer."""
    if text is None:
        return {"text": None, "whole": None}
    if len(text) <= LONGEST_TEXT:
        return {"text": text, "whole": None}
    whole = text if len(text) <= LONGEST_WHOLE else text[:LONGEST_WHOLE] + " …"
    return {"text": text[: LONGEST_TEXT - 20].rstrip() + " …", "whole": whole}
