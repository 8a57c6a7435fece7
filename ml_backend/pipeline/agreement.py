"""How often annotators gave the labels that they were shown as predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.pipeline.label_arrays import Chosen
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store.learning_records import Agreement, BatchRecord, ServedBatch

Served = TypeVar("Served", BatchRecord, ServedBatch)


def stored_predictions(
    pool: ProjectPool, rows: NDArray[np.int64], shown: list[list[tuple[str, float]]] | None
) -> list[list[str] | None] | None:
    """The classes that annotators are shown for these rows, None for a row without a vector, and without a head."""
    if shown is None:
        return None
    return [
        [name for name, _ in likely] if embedded else None
        for likely, embedded in zip(shown, pool.embedded[rows], strict=True)
    ]


def agreement(
    labels: Mapping[int, Chosen],
    first: Mapping[int, Annotation],
    batches: Sequence[BatchRecord],
    classes: Sequence[str],
) -> Agreement:
    """How many labels are those that the annotators were shown as predictions.

    labels: task id → its classes, of tasks that are labelled for the first time; first: task id → its first annotation;
    batches: those that were served, newest first; classes: of the label config. A task counts as drawn at random if the
    batch that it was served from drew it, since otherwise a strategy chose it. A strategy chooses hard tasks, so the
    share of right predictions is usually below the accuracy on all tasks; on the random tasks it is unbiased. Labels
    without a prediction of these classes are left out.
    """
    members = [frozenset(batch.task_ids) for batch in batches]
    scores: list[tuple[bool, bool]] = []
    for task_id, chosen in labels.items():
        served = served_from(first[task_id], [b for b, tasks in zip(batches, members, strict=True) if task_id in tasks])
        if served is None or served.predicted is None:
            continue
        shown = served.predicted[served.task_ids.index(task_id)]
        if shown is not None and set(shown) <= set(classes):
            scores.append((set(shown) == set(chosen), task_id in served.random_task_ids))
    return Agreement(
        right=sum(is_right for is_right, _ in scores),
        asked=len(scores),
        random_right=sum(is_right and at_random for is_right, at_random in scores),
        random_asked=sum(at_random for _, at_random in scores),
    )


def served_from(annotation: Annotation, batches: Sequence[Served]) -> Served | None:
    """The batch whose prediction the annotator saw, among those that contain the task, newest first.

    The editor names the prediction that an annotation began with: a task may be opened before a new batch is published
    and be submitted after that. Other programs name none; then it is the newest batch published before the annotation.
    """
    if annotation.shown_version is not None:
        return next((batch for batch in batches if batch.version == annotation.shown_version), None)
    created = annotation.created_at
    if created is None:
        return None
    return next((b for b in batches if b.published_at is not None and b.published_at <= created), None)
