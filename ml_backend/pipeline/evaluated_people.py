"""What an evaluation says of the people who label: how far they agree with others and with the model, and where not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import votes, votes_of_all
from ml_backend.learning.evaluation.annotators import (
    AnnotatorAgreement,
    AnnotatorShare,
    agreement_with_others,
    agreement_with_predictions,
    annotator_agreement,
)
from ml_backend.learning.evaluation.evaluation import Evaluation, Predicted, predicted, probabilities
from ml_backend.learning.head.held_out import logits_of
from ml_backend.pipeline.evaluation_input import EvaluationInput

MOST_SHARED_TASKS = 2000
"""Agreement is measured on the last tasks that several people labelled; more would change it by .03 at most."""
MOST_JUDGED_TASKS = 5000
"""People are compared with the model on the last tasks; to read the annotations of more takes seconds."""
MOST_DISAGREEMENTS = 200


@dataclass(frozen=True)
class Votes:
    """Labels of people: tasks, annotators (n,) int64 ids; y: (n,) classes, or (n, n_classes) of 0 and 1."""

    tasks: NDArray[np.int64]
    annotators: NDArray[np.int64]
    y: NDArray[np.int64]


def shared_votes(annotations: Mapping[int, Sequence[Annotation]], config: LabelConfig) -> Votes:
    """The labels of the last MOST_SHARED_TASKS tasks that several people labelled.

    annotations: task id → all its annotations. Imported annotations, which have no annotator, are left out.
    """
    return _votes(_shared(annotations), config)


def agreement_of_annotators(given: Votes, config: LabelConfig) -> AnnotatorAgreement | None:
    """Agreement of the people who labelled the same tasks, see `shared_votes`; None without such a task."""
    return annotator_agreement(given.tasks, given.annotators, given.y, len(config.classes)) if len(given.y) else None


def people_body(evaluation: Evaluation, given: EvaluationInput, others: Votes) -> dict[str, Any]:
    """The parts `people` and `disagreements` of an evaluation, as docs/labelling.md describes them.

    others: see `shared_votes`.
    """
    predictions = _predictions(evaluation, given)
    with_others = agreement_with_others(others.tasks, others.annotators, others.y)
    return {
        "people": _people(with_others, _with_model(given, predictions)),
        "disagreements": disagreements(given.annotations, given.config, predictions),
    }


@dataclass(frozen=True)
class Predictions:
    """What a model says of tasks that it did not learn from. rows: task id → its row in `said`."""

    rows: Mapping[int, int]
    said: Predicted
    classes: Sequence[str]

    def of(self, task_id: int) -> tuple[list[str], float] | None:
        """The classes that are predicted for a task, and their probability; None without a prediction."""
        row = self.rows.get(task_id)
        if row is None:
            return None
        y = self.said.y[row]
        numbers = np.flatnonzero(y) if y.ndim else [y]
        return [self.classes[number] for number in numbers], float(self.said.confidence[row])


def disagreements(
    annotations: Mapping[int, Sequence[Annotation]], config: LabelConfig, predictions: Predictions
) -> list[dict[str, Any]]:
    """The last MOST_DISAGREEMENTS tasks that people, or a person and an import, gave different labels, newest first.

    Each {"task", "votes": [{"annotator", "classes"}], "predicted": classes or None, "probability"}; annotator: None for
    an import.
    """
    found: list[dict[str, Any]] = []
    for of_task in reversed(_shared(annotations, with_imports=True)):
        given = votes_of_all(of_task, config)
        if len({frozenset(chosen) for _, chosen in given}) < 2:
            continue
        classes, probability = predictions.of(of_task[0].task_id) or (None, None)
        found.append(
            {
                "task": of_task[0].task_id,
                "votes": [{"annotator": who, "classes": list(chosen)} for who, chosen in given],
                "predicted": classes,
                "probability": probability,
            }
        )
        if len(found) == MOST_DISAGREEMENTS:
            break
    return found


def _shared(annotations: Mapping[int, Sequence[Annotation]], with_imports: bool = False) -> list[Sequence[Annotation]]:
    """The annotations of the last MOST_SHARED_TASKS tasks that several people annotated, the newest last."""
    shared = [
        of_task
        for of_task in annotations.values()
        if len(of_task) > 1 and (with_imports or len({a.annotator for a in of_task} - {None}) > 1)
    ]
    return sorted(shared, key=_newest)[-MOST_SHARED_TASKS:]


def _newest(of_task: Sequence[Annotation]) -> float:
    return max(a.created_at or 0.0 for a in of_task)


def _votes(tasks: Iterable[Sequence[Annotation]], config: LabelConfig) -> Votes:
    """The labels that people gave. tasks: the annotations of each."""
    number = {name: i for i, name in enumerate(config.classes)}
    ids, people, rows = [], [], []
    for of_task in tasks:
        for annotator, chosen in votes(of_task, config).items():
            ids.append(of_task[0].task_id)
            people.append(annotator)
            rows.append([number[name] for name in chosen])
    if config.multi_label:
        y: NDArray[np.int64] = np.zeros((len(rows), len(number)), dtype=np.int64)
        for row, chosen_numbers in zip(y, rows, strict=True):
            row[chosen_numbers] = 1
    else:
        y = np.array([row[0] for row in rows], dtype=np.int64)
    return Votes(np.array(ids, dtype=np.int64), np.array(people, dtype=np.int64), y)


def _predictions(evaluation: Evaluation, given: EvaluationInput) -> Predictions:
    """What is predicted by heads that were not fitted to a task's label, or by the head where it has none."""
    p = probabilities(logits_of(given.head, given.X_tied), evaluation.temperature, given.head.multi_label)
    said, task_ids = predicted(p, given.head.multi_label), given.tied_ids
    if (held_out := evaluation.held_out) is not None:
        said = Predicted(np.concatenate([held_out.y, said.y]), np.concatenate([held_out.confidence, said.confidence]))
        task_ids = np.concatenate([given.task_ids, task_ids])
    rows = {task_id: row for row, task_id in enumerate(task_ids.tolist())}
    return Predictions(rows, said, given.config.classes)


def _with_model(given: EvaluationInput, predictions: Predictions) -> list[AnnotatorShare]:
    """How often each person chose what the model predicts, over the last tasks with a prediction."""
    judged = [of_task for task_id, of_task in given.annotations.items() if of_task and task_id in predictions.rows]
    labels = _votes(sorted(judged, key=_newest)[-MOST_JUDGED_TASKS:], given.config)
    rows = np.array([predictions.rows[task_id] for task_id in labels.tasks.tolist()], dtype=np.int64)
    return agreement_with_predictions(labels.annotators, labels.y, predictions.said.y[rows])


def _people(with_others: Sequence[AnnotatorShare], with_model: Sequence[AnnotatorShare]) -> list[dict[str, Any]]:
    """A row for each person; shares are in 0..1, and tasks the number of tasks that each was measured on."""
    others, model = ({share.annotator: share for share in shares} for shares in (with_others, with_model))
    return [
        {
            "annotator": who,
            **{
                name: None if who not in shares else {"tasks": shares[who].tasks, "same": shares[who].same}
                for name, shares in (("others", others), ("model", model))
            },
        }
        for who in sorted(others.keys() | model.keys())
    ]
