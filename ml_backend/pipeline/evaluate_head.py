"""Evaluates a head and stores the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import votes
from ml_backend.learning.evaluation.annotators import AnnotatorAgreement, annotator_agreement
from ml_backend.learning.evaluation.evaluation import evaluate
from ml_backend.pipeline.audits import audits
from ml_backend.pipeline.evaluation_body import evaluation_body
from ml_backend.pipeline.evaluation_input import EvaluationInput
from ml_backend.store import Store
from ml_backend.store.learning_records import EvaluationRecord

MOST_SHARED_TASKS = 2000
"""Agreement is measured on the last tasks that several people labelled; more would change it by .03 at most."""


def evaluate_head(store: Store, given: EvaluationInput, is_superseded: Callable[[], bool] = lambda: False) -> None:
    """Evaluate a head and store the result, unless the head or its project was deleted meanwhile.

    is_superseded: asked now and then. Raises `evaluation.Superseded` when it returns True.
    """
    drawn = audits(given.task_ids, given.labelled, given.annotations, store.served_batches(given.project_id))
    evaluation = evaluate(
        given.head, given.held_out, drawn.given_at, drawn.drawn_at, given.X_open, given.n_open, is_superseded
    )
    agreement = agreement_of_annotators(given.annotations, given.config)
    accuracy = evaluation.accuracy
    n_audits = int((~np.isnan(drawn.drawn_at)).sum())
    store.put_evaluation(
        EvaluationRecord(
            project_id=given.project_id,
            head_version=given.head_version,
            at=given.made_at,
            labels=evaluation.labels,
            accuracy=None if accuracy is None else accuracy.value,
            low=None if accuracy is None else accuracy.low,
            high=None if accuracy is None else accuracy.high,
            basis=None if accuracy is None else accuracy.basis.value,
            audits=n_audits,
            changed=evaluation.stop.changed,
            seconds=evaluation.seconds,
            body=evaluation_body(evaluation, given, n_audits, drawn.skipped, agreement),
        )
    )


def agreement_of_annotators(
    annotations: Mapping[int, Sequence[Annotation]], config: LabelConfig
) -> AnnotatorAgreement | None:
    """Agreement of the people who labelled the same tasks; None without such a task.

    annotations: task id → all its annotations. Imported annotations, which have no annotator, are left out.
    """
    shared = [of_task for of_task in annotations.values() if len({a.annotator for a in of_task} - {None}) > 1]
    shared.sort(key=lambda of_task: max(a.created_at or 0.0 for a in of_task))
    number = {name: i for i, name in enumerate(config.classes)}
    tasks, people, rows = [], [], []
    for of_task in shared[-MOST_SHARED_TASKS:]:
        for annotator, chosen in votes(of_task, config).items():
            tasks.append(of_task[0].task_id)
            people.append(annotator)
            rows.append([number[name] for name in chosen])
    if not rows:
        return None
    if config.multi_label:
        y: NDArray[np.int64] = np.zeros((len(rows), len(number)), dtype=np.int64)
        for row, chosen_numbers in zip(y, rows, strict=True):
            row[chosen_numbers] = 1
    else:
        y = np.array([row[0] for row in rows])
    return annotator_agreement(np.array(tasks), np.array(people), y, len(number))
