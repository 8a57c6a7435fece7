"""The people who label, their pace and their agreement."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from flask import Response

from ml_backend.pipeline.annotator_words import annotator_name
from ml_backend.pipeline.evaluation_words import alpha_sentence
from ml_backend.store.people import Activity
from ml_backend.web.context import web
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.project_page import page_with_texts

LEAST_TIMED = 5
"""Times of labels, from which on their median is shown."""
LEAST_TASKS = 10
"""Tasks from which on the agreement of a person is shown."""
PEOPLE_SHOWN = 200


@blueprint.get("/projects/<int:project_id>/people")
def people(project_id: int) -> Response:
    """The people who label, their pace and their agreement. Raises BadRequest."""
    shown = page_with_texts(project_id, "people", "Names of people")
    store = web().store
    names = store.people()
    body = shown.evaluated()["evaluation"]
    by_person = {person["annotator"]: person for person in (body or {}).get("people", [])}
    activity = store.activity(project_id, time.time())
    agreement = None if body is None else body["annotators"]
    return shown.render(
        "people.html",
        rows=[_row(one, names, by_person) for one in activity[:PEOPLE_SHOWN]],
        more=max(0, len(activity) - PEOPLE_SHOWN),
        people=sum(one.annotator is not None for one in activity),
        evaluated=body is not None,
        alpha=alpha_sentence(agreement),
        pairs=[
            {**pair, "names": [annotator_name(names, pair[place]) for place in ("first", "second")]}
            for pair in (agreement["pairs"] if agreement else [])
        ],
        least_tasks=LEAST_TASKS,
    )


def _row(one: Activity, names: Mapping[int, str], by_person: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """What the table shows of one person; shares are None where too few tasks support them."""
    found = by_person.get(one.annotator or 0, {})
    seconds, source = _time(one)
    return {
        "name": annotator_name(names, one.annotator),
        "labels": one.labels,
        "recent": one.recent,
        "skips": one.skips,
        "newest": one.newest,
        "seconds": seconds,
        "source": source,
        "imported": one.annotator is None,
        **{name: found.get(name) for name in ("others", "model")},
    }


def _time(one: Activity) -> tuple[float | None, str]:
    """Seconds that a label takes, and how they were measured.

    The editor measures how long it was open. Labels that programs sent have no such time, nor have those that were read
    by an earlier version.
    """
    if one.timed >= LEAST_TIMED and 2 * one.timed >= one.gaps:
        return one.seconds, "editor"
    if one.gaps >= LEAST_TIMED:
        return one.gap, "gaps"
    return None, ""
