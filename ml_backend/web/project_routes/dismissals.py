"""Dismisses labels that a person looked at and found right, and takes that back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, request, url_for

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.store.states import DoubtKind
from ml_backend.web.access.cross_site import FORM, accepts_form
from ml_backend.web.access.rights import require_sender
from ml_backend.web.bodies import BadRequest, json_object
from ml_backend.web.context import web
from ml_backend.web.stored_project import require_project

blueprint = Blueprint("dismissals", __name__)

KEY = re.compile(r"[0-9a-f]{64}")


@blueprint.post("/projects/<int:project_id>/look-again/dismiss")
@accepts_form
def dismiss(project_id: int) -> Any:
    """Remember that a label is right, or that a disagreement is settled, until the label changes.

    Fields: `kind`, a value of `DoubtKind`; `task`, its id; `key`, see `pipeline.doubts`; of a form also `part`, of the
    list to return to. Raises BadRequest.
    """
    who = require_sender(project_id)
    kind, task_id, key = _doubt(given := _given(project_id))
    web().store.dismiss(project_id, kind, task_id, key, who.name)
    return _answer(project_id, kind, given, {"dismissed": task_id})


@blueprint.post("/projects/<int:project_id>/look-again/undo")
@accepts_form
def undo(project_id: int) -> Any:
    """List what was dismissed again; fields as for `dismiss`. Raises BadRequest."""
    require_sender(project_id)
    kind, task_id, key = _doubt(given := _given(project_id))
    web().store.undo_dismissal(project_id, kind, task_id, key)
    return _answer(project_id, kind, given, {"listed": task_id})


def _given(project_id: int) -> Mapping[str, Any]:
    require_project(project_id)
    return request.form if request.mimetype == FORM else json_object()


def _doubt(given: Mapping[str, Any]) -> tuple[DoubtKind, int, str]:
    task_id, key = parsed_id(given.get("task")), given.get("key")
    try:
        kind = DoubtKind(str(given.get("kind")))
    except ValueError:
        raise BadRequest(f"The field 'kind' is one of: {', '.join(DoubtKind)}.") from None
    if task_id is None or not isinstance(key, str) or not KEY.fullmatch(key):
        raise BadRequest("The fields 'task' and 'key' say which label is meant: reload the page and try again.")
    return kind, task_id, key


def _answer(project_id: int, kind: DoubtKind, given: Mapping[str, Any], done: dict[str, int]) -> Any:
    """What was done as JSON, or for a form the way back to its list, whose address says it."""
    if request.mimetype != FORM:
        return done
    values: dict[str, Any] = {"show": kind.value, **done}
    if part := parsed_id(given.get("part")):
        values["part"] = part
    return redirect(url_for("pages.look_again", project_id=project_id, **values, _anchor="said"), 303)
