"""The texts of a few tasks, for scripts of pages."""

from __future__ import annotations

from typing import Any

from flask import request

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.web.access.rights import require_person
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.page_parts.page_blueprint import blueprint

MOST_TEXTS = 100
MOST_CHARACTERS = 2000


@blueprint.get("/projects/<int:project_id>/texts")
def texts(project_id: int) -> dict[str, Any]:
    """The texts of the tasks in `task` (repeated), cut to 2,000 characters: {"texts": [{"task", "text"}]}.

    Tasks without a usable text are left out. Raises BadRequest for too many tasks and for what is no id.
    """
    require_person(project_id, "Texts")
    ids = [parsed_id(value) for value in request.args.getlist("task")]
    if len(ids) > MOST_TEXTS or None in ids:
        raise BadRequest(f"Name up to {MOST_TEXTS} tasks by their numbers, as in ?task=1&task=2.")
    found = web().store.texts_of_tasks(project_id, [number for number in ids if number is not None])
    return {"texts": [{"task": task, "text": text[:MOST_CHARACTERS]} for task, text in found.items()]}
