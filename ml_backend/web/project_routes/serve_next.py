"""Serves tasks next that a person found on a page, before those that the strategy chooses, or does so no longer."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, redirect, request

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.store import Store
from ml_backend.store.states import RunReason
from ml_backend.web.access.cross_site import FORM, accepts_form
from ml_backend.web.access.rights import require_sender
from ml_backend.web.bodies import BadRequest, json_object
from ml_backend.web.context import web
from ml_backend.web.page_parts.project_page import address_after_form, kept_arguments
from ml_backend.web.page_parts.said import PREFIX
from ml_backend.web.stored_project import require_project

logger = logging.getLogger(__name__)
blueprint = Blueprint("serve_next", __name__)

MOST_TASKS = 1000
"""Tasks in one request."""
MOST_WAITING = 5000
"""Tasks that wait at the same time: all of them are in the published batch."""
LONGEST_WHY = 200


@dataclass(frozen=True)
class Outcome:
    """What became of the tasks that a person chose, in numbers.

    asked: are served next; before: were asked for before; labelled: labelled or skipped already; same: have the text of
    another one that is asked for; unusable: have no usable text; unknown: the project has no such task, as far as it
    was read.
    """

    asked: int = 0
    before: int = 0
    labelled: int = 0
    same: int = 0
    unusable: int = 0
    unknown: int = 0


@blueprint.post("/projects/<int:project_id>/next")
@accepts_form
def serve_next(project_id: int) -> Any:
    """Serve these open tasks next, in this order; others are left out and counted.

    Fields of the form: `task` (repeated), or with `all` those of `listed`; `why`, where they were found; `view` and
    `query`, the page to return to. JSON: {"task": [ids], "why": words}, answered with an `Outcome`. Raises BadRequest.
    """
    who = require_sender(project_id)
    given = _given(project_id)
    outcome, chosen = _sorted_out(web().store, project_id, _task_ids(given))
    if chosen:
        why = " ".join(str(given.get("why") or "chosen on a page").split())[:LONGEST_WHY]
        web().store.request_tasks(project_id, chosen, who.name, why)
        web().queue.request(web().store, project_id, RunReason.REQUESTED)
        logger.info("project %s: %s asked for %d tasks: %s", project_id, who.name, len(chosen), why)
    return _answer(project_id, asdict(outcome))


@blueprint.post("/projects/<int:project_id>/next/withdraw")
@accepts_form
def withdraw(project_id: int) -> Any:
    """Serve these tasks next no longer; fields as for `serve_next`, and with `every` all that wait."""
    who = require_sender(project_id)
    given = _given(project_id)
    store = web().store
    waiting = store.requested_tasks(project_id).keys()
    dropped = list(waiting) if given.get("every") else [task for task in _task_ids(given) if task in waiting]
    if dropped:
        store.drop_requested_tasks(project_id, dropped)
        web().queue.request(store, project_id, RunReason.REQUESTED)
        logger.info("project %s: %s asks for %d tasks no longer", project_id, who.name, len(dropped))
    return _answer(project_id, {"withdrawn": len(dropped)})


def _given(project_id: int) -> Mapping[str, Any]:
    """The fields of a form, with `task` as a list, or of a JSON object."""
    require_project(project_id)
    if request.mimetype != FORM:
        return json_object()
    form = request.form
    return {**form.to_dict(), "task": form.getlist("listed" if "all" in form else "task")}


def _task_ids(given: Mapping[str, Any]) -> list[int]:
    """The ids without repeats. Raises BadRequest for none, too many, and what is no id."""
    listed = given.get("task")
    if not isinstance(listed, list) or not listed:
        raise BadRequest("No task is chosen: tick those that you mean, and press the button again.")
    if len(listed) > MOST_TASKS:
        raise BadRequest(f"{len(listed):,} tasks at once are too many; choose {MOST_TASKS:,} at most.")
    ids = [parsed_id(value) for value in listed]
    if None in ids:
        wrong = listed[ids.index(None)]
        raise BadRequest(f"A task is named by its number, not by {str(wrong)[:40]!r}.")
    return list(dict.fromkeys(number for number in ids if number is not None))


def _sorted_out(store: Store, project_id: int, task_ids: list[int]) -> tuple[Outcome, list[int]]:
    """What becomes of each task, counted, and those to be served. Raises BadRequest if too many wait already."""
    waiting = store.requested_tasks(project_id)
    known = {task: (text, problem) for task, text, problem in store.tasks(project_id, {*task_ids, *waiting})}
    labelled = {annotation.task_id for annotation in store.annotations(project_id, task_ids)}
    texts = {known[task][0] for task in waiting if task in known and task not in labelled}
    count: Counter[str] = Counter()
    chosen: list[int] = []
    for task in task_ids:
        text, problem = known.get(task, (None, None))
        if task not in known:
            count["unknown"] += 1
        elif task in labelled:
            count["labelled"] += 1
        elif text is None or problem is not None:
            count["unusable"] += 1
        elif task in waiting:
            count["before"] += 1
        elif text in texts:
            count["same"] += 1
        else:
            texts.add(text)
            chosen.append(task)
    if len(waiting) + len(chosen) > MOST_WAITING:
        raise BadRequest(
            f"{len(waiting):,} tasks wait to be served next already, and at most {MOST_WAITING:,} may: choose fewer, "
            "or take some back under Find."
        )
    return Outcome(asked=len(chosen), **count), chosen


def _answer(project_id: int, counted: dict[str, int]) -> Any:
    """The counts as JSON, or for a form the way back to its page, whose address says them."""
    if request.mimetype != FORM:
        return counted
    values = kept_arguments(request.form.get("query", "")[:4000])
    values |= {f"{PREFIX}{name}": str(n) for name, n in counted.items() if n}
    return redirect(address_after_form(project_id, "find", **values, _anchor="said"), 303)
