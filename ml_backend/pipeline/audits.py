"""Which labels are of tasks that were drawn at random, and so measure a head without bias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.pipeline.agreement import served_from
from ml_backend.store.learning_records import ServedBatch


@dataclass(frozen=True)
class Audits:
    """Labels of tasks drawn at random.

    given_at: (n,), when the first annotation of each labelled task was created, 0 if that is unknown; drawn_at: (n,),
    when the task was drawn, NaN for one that a strategy chose; both Unix times. skipped: number of tasks that were
    drawn at random, were answered and have no usable label.
    """

    given_at: NDArray[np.float64]
    drawn_at: NDArray[np.float64]
    skipped: int


def audits(
    task_ids: NDArray[np.int64],
    labelled: Collection[int],
    annotations: Mapping[int, Sequence[Annotation]],
    batches: Sequence[ServedBatch],
) -> Audits:
    """Find the labels of tasks that were drawn at random.

    task_ids: (n,) int64, of the labels; labelled: ids of all tasks with a label, also of those that no head can use;
    annotations: task id → all its annotations; batches: all that were served, newest first. A task counts as drawn at
    random if the batch that it was served from drew it, since otherwise a strategy chose it.
    """
    first = {task: min(of_task, key=lambda a: a.created_at or 0.0) for task, of_task in annotations.items() if of_task}
    drawn = _drawn_at(first, batches)
    labels = task_ids.tolist()
    given_at = [first[task].created_at or 0.0 if task in first else 0.0 for task in labels]
    return Audits(
        np.array(given_at, dtype=np.float64),
        np.array([drawn.get(task, np.nan) for task in labels], dtype=np.float64),
        sum(task not in labelled for task in drawn),
    )


def _drawn_at(first: Mapping[int, Annotation], batches: Sequence[ServedBatch]) -> dict[int, float]:
    """Answered task → when it was drawn, of those that were served because of that."""
    drawn_once = {task for batch in batches for task in batch.random_task_ids} & first.keys()
    batches_of: dict[int, list[ServedBatch]] = defaultdict(list)
    for batch in batches:
        for task in drawn_once.intersection(batch.task_ids):
            batches_of[task].append(batch)
    drawn = {}
    for task, holding in batches_of.items():
        served = served_from(first[task], holding)
        if served is not None and task in served.random_task_ids:
            drawn[task] = served.created_at
    return drawn
