"""Search by meaning and by words, and serve what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.pipeline.search_questions import Among, By, page_number
from ml_backend.pipeline.search_words import SNIPPET, marked_by_meaning, words_of
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.page_parts.found_texts import readable, with_texts
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.project_page import page_with_texts
from ml_backend.web.questions import ask

WAITING_SHOWN = 50
FIELDS = ("q", "by", "show", "label", "predicted", "like", "likely", "unlike")
"""Arguments of the address that a search consists of; `page` is the number of the page."""
AMONG = {Among.OPEN: "open texts", Among.LABELLED: "labelled texts", Among.ALL: "all texts"}


@blueprint.get("/projects/<int:project_id>/find")
def find(project_id: int) -> Response:
    """Search by meaning and by words, and serve what was found. Raises BadRequest."""
    shown = page_with_texts(project_id, "find")
    given = {name: value for name in FIELDS if (value := request.args.get(name, "").strip())}
    if "label" in given and given.get("show", Among.OPEN) == Among.OPEN:
        given["show"] = Among.LABELLED  # no open text has a label
    question = _question(given)
    answer, problem, status = None, "", 200
    if question is not None and shown.who is not None:
        asked = {**question, "page": request.args.get("page")}
        try:
            answer = ask(project_id, "search", asked, shown.who.name)
        except BadRequest as refused:
            problem, status = str(refused), refused.status
    words = [] if question is None else _words(question)
    response = shown.render(
        "find.html",
        given=given,
        by=given.get("by", By.MEANING),
        among=given.get("show", Among.OPEN),
        choices_of_among=AMONG,
        classes=shown.classes,
        asked=None if question is None else _said(question),
        heading="" if question is None or answer is None else _heading(question, answer),
        like=_text_of(project_id, given.get("like")),
        found=None if answer is None else _scored(with_texts(project_id, answer["found"], words), question or {}),
        answer=answer,
        page=page_number(request.args.get("page")),
        problem=problem,
        query=request.query_string.decode("utf-8", "replace"),
        waiting=_waiting(project_id),
        waiting_shown=WAITING_SHOWN,
    )
    response.status_code = status
    return response


def _question(given: Mapping[str, str]) -> dict[str, Any] | None:
    """What to ask a worker, see `parse_search`; None if the address asks nothing."""
    filters = {"among": given.get("show"), "label": given.get("label"), "predicted": given.get("predicted")}
    if "like" in given:
        return {"by": By.LIKE, "task": given["like"], **filters}
    if "likely" in given:
        return {"by": By.LIKELY, "class": given["likely"], **filters}
    if "unlike" in given:
        return {"by": By.UNLIKE, **filters}
    if "q" in given:
        return {"by": given.get("by"), "question": given["q"], **filters}
    return {"by": By.EVERY, **filters} if filters["label"] or filters["predicted"] else None


def _words(question: Mapping[str, Any]) -> Sequence[str]:
    """The words to mark in what was found."""
    typed = question.get("question", "")
    return words_of(typed) if question["by"] == By.WORDS else marked_by_meaning(typed)


def _said(question: Mapping[str, Any]) -> str:
    """What was asked, as the reason why a task is served next."""
    match question["by"]:
        case By.LIKE:
            return f"like task {question['task']}"
        case By.LIKELY:
            return f"likely {question['class']}"
        case By.UNLIKE:
            return "unlike anything labelled"
        case By.EVERY:
            return " and ".join(
                [f"labelled {question['label']}"] * bool(question["label"])
                + [f"predicted {question['predicted']}"] * bool(question["predicted"])
            )
    return f"search: {question['question']}"


def _heading(question: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """What the texts that were found are."""
    n = "1 text" if answer["total"] == 1 else f"{answer['total']:,}{'+' if answer['more'] else ''} texts"
    match question["by"]:
        case By.LIKE:
            return f"Texts most like task {question['task']}"
        case By.LIKELY:
            return f"Texts that are most likely {question['class']}"
        case By.UNLIKE:
            return "Texts unlike anything labelled"
        case By.EVERY:
            return f"{n} {_said(question)}"
        case By.WORDS:
            return f"{n} with {question['question']}"
    return f"Texts most like “{question['question']}”"


def _text_of(project_id: int, task: str | None) -> str:
    """The beginning of a task's text, empty without one."""
    number = parsed_id(task)
    texts = {} if number is None else web().store.texts_of_tasks(project_id, [number])
    return readable(texts.get(number or 0, ""))[:SNIPPET]


def _scored(found: list[dict[str, Any]], question: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The texts with "measure": what the score of each says, in words."""
    for one in found:
        score = one["score"]
        if score is None:
            one["measure"] = ""
        elif question["by"] == By.LIKELY:
            # The opinion beside it says the same where the model predicts this class.
            is_predicted = one["predicted"] and one["predicted"][0][0] == question["class"]
            one["measure"] = "" if is_predicted else f"{score:.0%} {question['class']}"
        elif question["by"] == By.UNLIKE:
            one["measure"] = f"{max(0.0, score):.0%} alike at most"
        else:
            one["measure"] = f"{max(0.0, score):.0%} alike"
    return found


def _waiting(project_id: int) -> dict[str, Any]:
    """The first tasks that wait to be served next, and how many do."""
    waiting = web().store.requested_tasks(project_id)
    first = list(waiting)[:WAITING_SHOWN]
    texts = web().store.texts_of_tasks(project_id, first)
    listed = [{"task": task, "text": readable(texts.get(task, ""))[:200], "why": waiting[task]} for task in first]
    return {"count": len(waiting), "tasks": listed}
