"""Evaluates a head and stores the result."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_backend.learning.evaluation.evaluation import evaluate
from ml_backend.pipeline.audits import audits
from ml_backend.pipeline.evaluated_people import agreement_of_annotators, people_body, shared_votes
from ml_backend.pipeline.evaluation_body import evaluation_body
from ml_backend.pipeline.evaluation_input import EvaluationInput
from ml_backend.pipeline.evaluation_words import weak_classes
from ml_backend.store import Store
from ml_backend.store.learning_records import EvaluationRecord


def evaluate_head(store: Store, given: EvaluationInput, is_superseded: Callable[[], bool] = lambda: False) -> None:
    """Evaluate a head and store the result, unless the head or its project was deleted meanwhile.

    is_superseded: asked now and then. Raises `evaluation.Superseded` when it returns True.
    """
    drawn = audits(given.task_ids, given.labelled, given.annotations, store.served_batches(given.project_id))
    evaluation = evaluate(
        given.head, given.held_out, drawn.given_at, drawn.drawn_at, given.X_open, given.n_open, is_superseded
    )
    shared = shared_votes(given.annotations, given.config)
    agreement = agreement_of_annotators(shared, given.config)
    accuracy = evaluation.accuracy
    n_audits = int((~np.isnan(drawn.drawn_at)).sum())
    of_head = evaluation_body(evaluation, given, n_audits, drawn.skipped, agreement)
    body = of_head | people_body(evaluation, given, shared)
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
            body=body,
            weakest=next(iter(weak_classes(body)), None),
        )
    )
