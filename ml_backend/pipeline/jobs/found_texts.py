"""What pages show of a task that was found: its state, its labels and what the newest model predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import Head
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.pipeline.likely_classes import MULTI_LABEL_THRESHOLD, likely_classes
from ml_backend.pipeline.probability_blocks import probability_blocks
from ml_backend.pipeline.project_pool import ProjectPool


class TextViews:
    """Describes rows of the pool; head: None where there is no model of the present classes."""

    def __init__(self, job: Job, pool: ProjectPool) -> None:
        self._pool = pool
        self._config = job.config
        self.head = newest_head(job)

    def of(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        """{"task", "state", "labels", "predicted"} of each row, (n,) int64.

        state: open, labelled, or answered for a task that was skipped or whose annotators disagree; labels: its
        classes; predicted: [class, probability] pairs, the likeliest first.
        """
        pool, config = self._pool, self._config
        shown = []
        for row, predicted in zip(rows.tolist(), self._predicted(rows), strict=True):
            state = "open" if pool.open[row] else "labelled" if pool.has_label[row] else "answered"
            shown.append(
                {
                    "task": int(pool.task_ids[row]),
                    "state": state,
                    "labels": [config.classes[c] for c in classes_of(pool, row)],
                    "predicted": predicted,
                }
            )
        return shown

    def class_name(self, number: int) -> str:
        """The name of a class."""
        return self._config.classes[number]

    def _predicted(self, rows: NDArray[np.int64]) -> list[list[list[Any]]]:
        if self.head is None or not len(rows):
            return [[] for _ in rows]
        probabilities = self.head.predict_proba(self._pool.embeddings[rows])
        embedded = self._pool.embedded[rows]
        likely = [likely_classes(p, self._config.classes, self._config.multi_label) for p in probabilities]
        return [
            [[name, round(share, 4)] for name, share in sorted(of_row, key=lambda pair: -pair[1])] if has else []
            for of_row, has in zip(likely, embedded, strict=True)
        ]


def newest_head(job: Job) -> Head | None:
    """The newest head, None if there is none of the present classes and vectors."""
    try:
        return job.head()[1]
    except JobFailed:
        return None


def classes_of(pool: ProjectPool, row: int) -> list[int]:
    """The numbers of the classes of a row; none without a label."""
    label = pool.labels[row]
    if pool.labels.ndim == 1:
        return [int(label)] if label >= 0 else []
    return [int(number) for number in np.flatnonzero(label == 1)]


def with_label(pool: ProjectPool, number: int) -> NDArray[np.bool_]:
    """(N,) bool: rows that are labelled with this class."""
    return np.asarray(pool.labels == number if pool.labels.ndim == 1 else pool.labels[:, number] == 1)


def with_prediction(head: Head, pool: ProjectPool, rows: NDArray[np.int64], number: int) -> NDArray[np.bool_]:
    """(n,) bool: those of the rows (n,) int64 for which this class is predicted."""
    is_predicted = np.zeros(len(rows), dtype=bool)
    for block, probabilities in probability_blocks(head, pool, rows):
        if pool.labels.ndim == 1:
            is_predicted[block] = probabilities.argmax(axis=1) == number
        else:
            is_predicted[block] = probabilities[:, number] >= MULTI_LABEL_THRESHOLD
    return is_predicted & pool.embedded[rows]


def probabilities_of(head: Head, pool: ProjectPool, rows: NDArray[np.int64], number: int) -> NDArray[np.float32]:
    """(n,) float32: the probability of a class for each of the rows (n,) int64."""
    probability = np.empty(len(rows), dtype=np.float32)
    for block, probabilities in probability_blocks(head, pool, rows):
        probability[block] = probabilities[:, number]
    return probability


def class_number(job: Job, name: str) -> int:
    """The number of a class. Raises JobFailed for one that the label config does not have."""
    try:
        return job.config.classes.index(name)
    except ValueError:
        raise JobFailed(f"The label config has no class {name[:100]!r}; choose another.") from None
