"""Labels and tasks that somebody should look at again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, request

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.labelstudio.labels import labels
from ml_backend.pipeline.annotator_words import annotator_name
from ml_backend.pipeline.doubts import disagreement_key, label_key
from ml_backend.pipeline.evaluation_words import NOT_YET, doubt_words
from ml_backend.store.dismissals import Dismissal
from ml_backend.store.states import DoubtKind
from ml_backend.web.context import web
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.paging import part_of
from ml_backend.web.page_parts.project_page import ProjectPage, page_with_texts

PART_SIZE = 20
DISMISSED_SHOWN = 50
LEAST_OF_CLASS = 3
"""Labels of a class from which on they are looked at, as in `ml_backend.learning.evaluation.look_again`."""


@dataclass(frozen=True)
class Doubts:
    """One of the two lists.

    open: those to look at; dismissed: those that somebody did look at, with who and when, the last first; known:
    whether the newest evaluation looked for them; corrected: number of those whose label was changed since then.
    """

    open: list[dict[str, Any]]
    dismissed: list[tuple[dict[str, Any], Dismissal]]
    known: bool
    corrected: int = 0


@blueprint.get("/projects/<int:project_id>/look-again")
def look_again(project_id: int) -> Response:
    """Labels that the model doubts, or tasks about which people disagree. Raises BadRequest.

    Parameters: `show`, a value of `DoubtKind`; `part` of the list; what a form answered.
    """
    shown = page_with_texts(project_id, "look_again")
    evaluated = shown.evaluated()
    body = evaluated["evaluation"] or {}
    doubted = _doubts(project_id, DoubtKind.LABEL, body.get("look_again"), label_key)
    lists = {
        DoubtKind.LABEL: _without_corrected(shown, doubted),
        DoubtKind.DISAGREEMENT: _doubts(
            project_id, DoubtKind.DISAGREEMENT, body.get("disagreements"), disagreement_key
        ),
    }
    kind = DoubtKind.DISAGREEMENT if request.args.get("show") == DoubtKind.DISAGREEMENT else DoubtKind.LABEL
    part = part_of(lists[kind].open, request.args.get("part"), PART_SIZE)
    return shown.render(
        "look_again.html",
        kinds=DoubtKind,
        kind=kind,
        counts={name: len(doubts.open) for name, doubts in lists.items()},
        part=part,
        dismissed=lists[kind].dismissed[:DISMISSED_SHOWN],
        dismissed_count=len(lists[kind].dismissed),
        known=lists[kind].known,
        nothing_yet=_nothing_yet(shown, evaluated),
        texts=_texts(project_id, part.items),
        doubt_words=doubt_words,
        name_of=_names(),
        answered=_said(lists[kind]),
        people=shown.status["annotators"],
        corrected=lists[kind].corrected,
        least=LEAST_OF_CLASS,
        checked=sum(n >= LEAST_OF_CLASS for n in shown.status["labels"].values()),
    )


def _doubts(
    project_id: int, kind: DoubtKind, found: list[dict[str, Any]] | None, key_of: Callable[[dict[str, Any]], str]
) -> Doubts:
    """The entries of an evaluation, each with its `key`; found: None in an evaluation of an earlier version."""
    dismissals = web().store.dismissals(project_id, kind)
    entries = [{**entry, "key": key_of(entry)} for entry in found or []]
    by_key = {(entry["task"], entry["key"]): entry for entry in entries}
    return Doubts(
        [entry for key, entry in by_key.items() if key not in dismissals],
        [(by_key[key], dismissal) for key, dismissal in dismissals.items() if key in by_key],
        found is not None,
    )


def _without_corrected(shown: ProjectPage, doubts: Doubts) -> Doubts:
    """Without the labels that are others by now: the next evaluation looks at these."""
    config = shown.config
    if config is None:
        return doubts
    tasks = [entry["task"] for entry in doubts.open]
    now = labels(web().store.annotations(shown.id, tasks), config).by_task
    kept = [
        entry
        for entry in doubts.open
        if entry["task"] not in now or (entry["given"] in now[entry["task"]]) == entry.get("present", True)
    ]
    return replace(doubts, open=kept, corrected=len(doubts.open) - len(kept))


def _texts(project_id: int, entries: Iterable[dict[str, Any]]) -> dict[int, str]:
    """Task id → text, of the tasks and of their neighbours."""
    listed = list(entries)
    tasks = [entry["task"] for entry in listed]
    tasks += [near["task"] for entry in listed for near in entry.get("neighbours", [])]
    return web().store.texts_of_tasks(project_id, tasks)


def _names() -> Callable[[int | None], str]:
    names = web().store.people()
    return lambda annotator: annotator_name(names, annotator)


def _nothing_yet(shown: ProjectPage, evaluated: dict[str, Any]) -> str:
    """Why there is nothing to list; empty once a model is evaluated."""
    if evaluated["evaluation"] is not None:
        return ""
    if evaluated["pending"]:
        return NOT_YET
    if not shown.status["labeled"]:
        return "Nothing is labelled yet. Label some tasks of at least two classes in Label Studio, and look again here."
    return "The lists appear once a model has learned from labels of at least two classes."


def _said(doubts: Doubts) -> str:
    """What a form answered, as far as it is true; the address can be written by anybody."""
    dismissed, listed = (parsed_id(request.args.get(name)) for name in ("dismissed", "listed"))
    if any(entry["task"] == dismissed for entry, _ in doubts.dismissed):
        return f"Task {dismissed} is not listed any more, unless its label changes."
    if any(entry["task"] == listed for entry in doubts.open):
        return f"Task {listed} is listed again."
    return ""
