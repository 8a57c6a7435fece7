"""The group of each point of a map, by which it is coloured: its label, prediction, confidence, annotator or batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.pipeline.annotator_words import annotator_name
from ml_backend.pipeline.jobs.job import Job
from ml_backend.pipeline.likely_classes import MULTI_LABEL_THRESHOLD
from ml_backend.pipeline.map_names import Colouring
from ml_backend.pipeline.probability_blocks import probability_blocks
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.task_rows import found_in, rows_of

OPEN, LABELLED, CLOSED = 0, 1, 2
"""States of a point: it can be labelled next, it has a label, or somebody submitted or skipped it without one."""
NO_GROUP = 0
NO_CLASS = "no class"
SEVERAL_PEOPLE = "several people"
CONFIDENCE_BOUNDS = (0.5, 0.7, 0.85, 0.95)
CONFIDENCE_NAMES = ("below 50%", "50 to 70%", "70 to 85%", "85 to 95%", "above 95%")


@dataclass(frozen=True)
class Groups:
    """The groups of n points.

    names: of the groups, in the order of the legend; of_point (n,) int64: number of the group of each point, counted
    from 1, 0 without one.
    """

    names: list[str]
    of_point: NDArray[np.int64]

    def legend(self) -> list[dict[str, Any]]:
        """The name of each group and its number of points."""
        counts = np.bincount(self.of_point, minlength=len(self.names) + 1)[1:]
        return [{"name": name, "count": int(count)} for name, count in zip(self.names, counts, strict=True)]

    def packed(self) -> NDArray[np.unsignedinteger[Any]]:
        """The group of each point in as few bytes as hold it."""
        return self.of_point.astype(np.uint8 if len(self.names) < 256 else np.uint16)


def states(pool: ProjectPool, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(n,) uint8: OPEN, LABELLED or CLOSED for each of the rows."""
    found = np.full(len(rows), CLOSED, dtype=np.uint8)
    found[pool.open[rows]] = OPEN
    found[pool.has_label[rows]] = LABELLED
    return found


def groups(job: Job, by: Colouring, pool: ProjectPool, rows: NDArray[np.int64]) -> Groups:
    """The groups of these rows of the pool, (n,) int64. Raises JobFailed without a head for those that need one."""
    return GROUPS[by](job, pool, rows)


def by_label(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Groups:
    """Classes, the most frequent first; for a multi-label config the sets of classes that occur together."""
    labels = pool.labels[rows]
    has_label = pool.has_label[rows]
    if labels.ndim == 2:
        return _sets(labels == 1, has_label, job.config.classes)
    return _ranked(np.where(has_label, labels, -1), job.config.classes)


def by_prediction(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Groups:
    """The classes that the newest head predicts, the most frequent first."""
    record, head = job.head()
    everything = np.ones(len(rows), dtype=bool)
    if record.multi_label:
        sets = [p >= MULTI_LABEL_THRESHOLD for _, p in probability_blocks(head, pool, rows)]
        return _sets(np.concatenate(sets), everything, record.classes)
    likeliest = [p.argmax(axis=1) for _, p in probability_blocks(head, pool, rows)]
    return _ranked(np.concatenate(likeliest), record.classes)


def by_confidence(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Groups:
    """How sure the newest head is, in steps; for a multi-label config of the class that it is least sure of."""
    record, head = job.head()
    multi_label = record.multi_label
    sure = np.concatenate(
        [
            np.maximum(p, 1 - p).min(axis=1) if multi_label else p.max(axis=1)
            for _, p in probability_blocks(head, pool, rows)
        ]
    )
    return Groups(list(CONFIDENCE_NAMES), np.digitize(sure, CONFIDENCE_BOUNDS) + 1)


def by_annotator(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Groups:
    """Who submitted a label of the text, those with the most labels first."""
    pairs = np.array(job.store.task_annotators(job.project_id), dtype=np.int64).reshape(-1, 2)
    task_ids, first, times = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    people = np.unique(pairs[:, 1])
    number = np.searchsorted(people, pairs[first, 1])
    number[times > 1] = len(people)
    known = job.store.people()
    names = [annotator_name(known, person) for person in people.tolist()] + [SEVERAL_PEOPLE]
    return _ranked(_spread(pool.task_ids[rows], task_ids, number), names)


def by_batch(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Groups:
    """The batch in which a text was served last, the newest first."""
    batches = job.store.served_batches(job.project_id)
    task_ids = pool.task_ids[rows]
    of_point = np.full(len(rows), NO_GROUP, dtype=np.int64)
    for number in range(len(batches), 0, -1):
        of_point[rows_of(task_ids, batches[number - 1].task_ids)] = number
    served = np.unique(of_point[of_point > NO_GROUP])
    names = [" ".join(batches[number - 1].version.split(" ")[:3]) for number in served.tolist()]
    return Groups(names, np.where(of_point > NO_GROUP, np.searchsorted(served, of_point) + 1, NO_GROUP))


GROUPS: dict[Colouring, Callable[[Job, ProjectPool, NDArray[np.int64]], Groups]] = {
    Colouring.LABEL: by_label,
    Colouring.PREDICTION: by_prediction,
    Colouring.CONFIDENCE: by_confidence,
    Colouring.ANNOTATOR: by_annotator,
    Colouring.BATCH: by_batch,
}


def _ranked(numbers: NDArray[np.integer[Any]], names: Sequence[str]) -> Groups:
    """Groups that occur, the most frequent first; numbers (n,): places in `names`, -1 without a group."""
    counts = np.bincount(numbers[numbers >= 0], minlength=len(names))
    order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    rank = np.zeros(len(names) + 1, dtype=np.int64)  # the last one is that of -1
    rank[order] = np.arange(1, len(order) + 1)
    return Groups([names[i] for i in order.tolist()], rank[numbers])


def _sets(has: NDArray[np.bool_], counted: NDArray[np.bool_], classes: Sequence[str]) -> Groups:
    """Sets of classes; has (n, n_classes): the classes of each point; counted (n,): the points that have a group."""
    distinct, number = np.unique(has[counted], axis=0, return_inverse=True)
    names = [" + ".join(classes[i] for i in np.flatnonzero(row)) or NO_CLASS for row in distinct]
    numbers = np.full(len(has), -1, dtype=np.int64)
    numbers[counted] = number.ravel()
    return _ranked(numbers, names)


def _spread(wanted: NDArray[np.int64], ascending: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) int64: the value of each wanted id, -1 for ids that the ascending ones do not hold."""
    found = np.full(len(wanted), -1, dtype=np.int64)
    at, is_there = found_in(wanted, ascending)
    found[at[is_there]] = values[is_there]
    return found
