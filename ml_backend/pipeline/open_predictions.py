"""What the model predicts for all open texts, how sure it is, and how many of the sure ones may be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ml_backend.learning import Head
from ml_backend.learning.evaluation.evaluation import confidence, probabilities
from ml_backend.learning.head.held_out import logits_of
from ml_backend.pipeline.likely_classes import likely_classes
from ml_backend.pipeline.project_pool import ProjectPool

ROWS_AT_ONCE = 2000
"""Rows whose probabilities are in memory at the same time; also those that are written by one request."""
FURTHEST = 30.0
"""No correction of a confidence is larger, in logits."""


@dataclass(frozen=True)
class TextPrediction:
    """The prediction for one task.

    chosen: the likeliest class with its probability, or if multi-label every class with 0.5 or more; confidence: the
    probability that this is exactly right, in 0..1; margin: by how much the likeliest class is ahead of the second,
    None if multi-label.
    """

    task_id: int
    chosen: list[tuple[str, float]]
    confidence: float
    margin: float | None


@dataclass(frozen=True)
class OpenPredictions:
    """The predictions of a head for the n open texts that have a vector.

    rows (n,) int64: rows of the pool, ascending, and so are the ids of their tasks; confidence (n,) float64: the
    probability that a prediction is right, as the head gives it and people are shown it; right (n,) float64: the same
    by what the labels say of the head, None while they say too little.
    """

    pool: ProjectPool
    head: Head
    classes: Sequence[str]
    rows: NDArray[np.int64]
    confidence: NDArray[np.float64]
    right: NDArray[np.float64] | None

    def chunks(self, above: float, after: int | None) -> Iterator[list[TextPrediction]]:
        """Yields the predictions with this confidence or more, of tasks with an id above `after`, by task id."""
        kept = self.rows[self.confidence >= above]
        if after is not None:
            kept = kept[self.pool.task_ids[kept] > after]
        for start in range(0, len(kept), ROWS_AT_ONCE):
            rows = kept[start : start + ROWS_AT_ONCE]
            yield self._predicted(rows)

    def count(self, above: float) -> int:
        """Number of predictions with this confidence or more."""
        return int((self.confidence >= above).sum())

    def wrong(self, above: float) -> float | None:
        """The share of the predictions with this confidence or more that are expected to be wrong, in 0..1.

        None without such predictions, and while the labels say too little about the head.
        """
        kept = self.confidence >= above
        if self.right is None or not kept.any():
            return None
        return float(1 - self.right[kept].mean())

    def _predicted(self, rows: NDArray[np.int64]) -> list[TextPrediction]:
        p = self.head.predict_proba(self.pool.embeddings[rows])
        multi_label = self.head.multi_label
        sure = confidence(p.astype(np.float64), multi_label)
        best = np.sort(p, axis=1)
        return [
            TextPrediction(
                int(task_id),
                likely_classes(of_row, self.classes, multi_label),
                float(s),
                None if multi_label or len(ordered) < 2 else float(ordered[-1] - ordered[-2]),
            )
            for task_id, of_row, s, ordered in zip(self.pool.task_ids[rows], p, sure, best, strict=True)
        ]


def open_predictions(
    pool: ProjectPool, head: Head, classes: Sequence[str], evaluation: Mapping[str, Any] | None
) -> OpenPredictions:
    """What a head predicts for the open texts. evaluation: the body of its own evaluation, None without one."""
    rows = np.flatnonzero(pool.open & pool.embedded)
    temperature = None if evaluation is None else float(evaluation["temperature"])
    sure, right = np.empty(len(rows)), np.empty(len(rows))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        X = pool.embeddings[rows[start : start + ROWS_AT_ONCE]]
        part = slice(start, start + len(X))
        sure[part] = confidence(head.predict_proba(X).astype(np.float64), head.multi_label)
        if temperature is not None:
            right[part] = confidence(probabilities(logits_of(head, X), temperature, head.multi_label), head.multi_label)
    accuracy = None if evaluation is None else evaluation["accuracy"]["value"]
    if accuracy is None:
        return OpenPredictions(pool, head, classes, rows, sure, None)
    return OpenPredictions(pool, head, classes, rows, sure, agreeing_with(right, pool.fresh[rows], accuracy))


def agreeing_with(confidence: NDArray[np.float64], measured: NDArray[np.bool_], accuracy: float) -> NDArray[np.float64]:
    """Confidences (n,) moved by the same number of logits, so that their mean over `measured` (n,) is the accuracy.

    The evaluation corrects the mean confidence by the tasks that were drawn at random; without this, the expected
    errors of all predictions together would contradict the accuracy beside them.
    """
    logits = logit(np.clip(confidence, 1e-9, 1 - 1e-9))
    of_mean = logits[measured] if measured.any() else logits
    if not len(of_mean):
        return confidence
    low, high = -FURTHEST, FURTHEST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(of_mean + middle).mean() < accuracy else (low, middle)
    return np.asarray(expit(logits + (low + high) / 2))


def threshold_table(predictions: OpenPredictions, thresholds: Sequence[float]) -> list[dict[str, Any]]:
    """For each threshold {"above", "kept", "wrong"}, as JSON; see `OpenPredictions.count` and `wrong`."""
    return [
        {"above": above, "kept": predictions.count(above), "wrong": predictions.wrong(above)} for above in thresholds
    ]
