"""Opens chosen tasks as a tab of Label Studio's Data Manager."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from flask import Blueprint, redirect, request

from ml_backend.labelstudio.errors import LabelStudioError
from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.web.access.cross_site import FORM, accepts_form
from ml_backend.web.access.rights import require_sender
from ml_backend.web.bodies import BadRequest, json_object
from ml_backend.web.context import web
from ml_backend.web.page_parts.project_page import label_studio_address
from ml_backend.web.questions import place_to_wait
from ml_backend.web.stored_project import require_project

blueprint = Blueprint("tabs", __name__)

LONGEST_TITLE = 80
MOST_TASKS = 200
"""Each task is a filter of its own: the Data Manager's page fails, for every tab, on an operator that it cannot show,
and it shows none that takes a list of ids."""
TITLE = "Active learning"


@blueprint.post("/projects/<int:project_id>/tab")
@accepts_form
def tab(project_id: int) -> Any:
    """Make a tab with these tasks in Label Studio, instead of one with the same title, and lead there.

    Fields: `task` (repeated), at most MOST_TASKS; `title`. JSON is answered with the address. Raises BadRequest, with
    status 502 if Label Studio fails.
    """
    require_sender(project_id)
    require_project(project_id)
    is_form = request.mimetype == FORM
    given: dict[str, Any] = {**request.form, "task": request.form.getlist("task")} if is_form else json_object()
    title = " ".join(str(given.get("title") or "").split())[:LONGEST_TITLE] or TITLE
    task_ids = _task_ids(given.get("task"))
    number = _put_tab(project_id, title, task_ids)
    address = f"{label_studio_address(project_id)}/data?tab={number}"
    return redirect(address, 303) if is_form else {"tab": number, "address": address}


def _put_tab(project_id: int, title: str, task_ids: list[int]) -> int:
    """The number of the tab. Raises BadRequest with status 502 if Label Studio fails."""
    # The client's packages are loaded by who needs them first, not when the server starts.
    from ml_backend.labelstudio.tabs import put_tab
    from ml_backend.web.access.label_studio_user import client_for_page

    settings = web().settings
    try:
        with closing(client_for_page(settings, settings.label_studio_api_key)) as client, place_to_wait():
            return put_tab(client, project_id, title, task_ids)
    except LabelStudioError as problem:
        raise BadRequest(f"The tab could not be made: {problem}", 502) from None


def _task_ids(listed: Any) -> list[int]:
    """The ids without repeats. Raises BadRequest for none, too many, and what is no id."""
    if not isinstance(listed, list) or not listed:
        raise BadRequest("No task is chosen: choose those that the tab should show.")
    ids = dict.fromkeys(parsed_id(value) for value in listed)
    if None in ids:
        raise BadRequest("A task is named by its number.")
    if len(ids) > MOST_TASKS:
        raise BadRequest(f"{len(ids):,} tasks are too many for a tab; choose {MOST_TASKS} at most.")
    return [task_id for task_id in ids if task_id is not None]
