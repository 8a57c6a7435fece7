"""The newest evaluation of a project's head with its history, as one JSON object."""

from __future__ import annotations

from typing import Any

from ml_backend.pipeline.evaluation_words import weak_classes
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.learning_records import EvaluationRecord
from ml_backend.store.records import ProjectRecord

HISTORY = ("at", "labels", "accuracy", "low", "high", "basis", "audits", "changed")


def project_evaluation(store: Store, project: ProjectRecord, with_people: bool = True) -> dict[str, Any]:
    """{"project", "head", "pending", "random_share", "evaluation", "history"}.

    head: version of the newest head, None without one; pending: whether it has labels and is not evaluated yet;
    evaluation: the newest, None without one; history: the main figures of each evaluated head, oldest first.

    with_people: whether it is told how much which annotators agree.
    """
    head, newest = store.current_head(project.id), store.newest_evaluation(project.id)
    return {
        "project": project.id,
        "head": None if head is None else head.version,
        "pending": store.unevaluated_head(project.id) is not None,
        "random_share": ProjectSettings.usable(project.settings).random_share,
        "evaluation": None if newest is None else _body(newest, with_people),
        "history": [_summary(evaluation) for evaluation in store.evaluation_history(project.id)],
    }


def evaluation_summary(body: dict[str, Any] | None) -> dict[str, Any] | None:
    """The main figures of an evaluation, for the status of a project.

    {"head", "labels", "accuracy", "forecast", "stop", "look_again", "weak_classes"}; look_again: how many labels.
    """
    if body is None:
        return None
    return {
        **{name: body[name] for name in ("head", "labels", "accuracy", "forecast", "stop")},
        "look_again": len(body["look_again"]),
        "weak_classes": weak_classes(body),
    }


def _body(newest: EvaluationRecord, with_people: bool) -> dict[str, Any] | None:
    body = newest.body
    if body is None or with_people:
        return body
    hidden: dict[str, Any] = {"people": [], "disagreements": []}
    if body["annotators"] is not None:
        hidden["annotators"] = body["annotators"] | {"pairs": []}
    return body | hidden


def _summary(evaluation: EvaluationRecord) -> dict[str, Any]:
    return {"head": evaluation.head_version, **{name: getattr(evaluation, name) for name in HISTORY}}
