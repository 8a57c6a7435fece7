"""Metrics of a head on the test split: accuracy and its relatives, negative log likelihood, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ECE_BINS = 15
LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Smallest probability in the log likelihood, as in scikit-learn: one label adds at most 15.9 nats."""


@dataclass(frozen=True)
class HeldOutMetrics:
    """Metrics on held-out labels.

    accuracy, balanced_accuracy, macro_f1 and ece are in 0..1; nll is a mean in nats, at most 15.9; confidence (0..1) is
    the mean of the highest probabilities; rarest_recall (0..1) is the recall of one class, NaN if none was named.
    """

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    nll: float
    ece: float
    confidence: float
    rarest_recall: float


def evaluate(
    probabilities: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], rarest: int | None = None
) -> HeldOutMetrics:
    """Metrics of probabilities (N, n_classes) float32 against labels y (N,) int64 in 0..n_classes-1.

    Balanced accuracy is the mean recall of the classes that occur in y; macro F1 is the mean over the classes that
    occur in y or in the predictions, as in scikit-learn. rarest: the class of which rarest_recall is the recall; it has
    to occur in y. Raises ValueError for N = 0 and for shapes that do not match.
    """
    if not len(y) or probabilities.ndim != 2 or len(probabilities) != len(y):
        raise ValueError(f"{len(y)} labels do not fit probabilities of shape {probabilities.shape}")
    predicted = probabilities.argmax(axis=1)
    correct = predicted == y
    n_classes = probabilities.shape[1]
    # Not by scikit-learn, whose metrics give the same bits: it takes a second to load in each worker process.
    actual, claimed = np.bincount(y, minlength=n_classes), np.bincount(predicted, minlength=n_classes)
    hits = np.bincount(y[correct], minlength=n_classes)
    in_y, in_either = actual > 0, actual + claimed > 0
    rows = np.arange(len(y))
    highest = probabilities[rows, predicted]
    return HeldOutMetrics(
        accuracy=float(correct.mean()),
        balanced_accuracy=float((hits[in_y] / actual[in_y]).mean()),
        macro_f1=float((2 * hits[in_either] / (actual + claimed)[in_either]).mean()),
        nll=_log_loss(probabilities[rows, y]),
        ece=_calibration_error(highest, correct),
        confidence=float(highest.mean(dtype=np.float64)),
        rarest_recall=float("nan") if rarest is None else float(hits[rarest] / actual[rarest]),
    )


def expected_of_uniform_guess(y: NDArray[np.integer[Any]], n_classes: int) -> HeldOutMetrics:
    """Metrics of a guess among all classes with equal probabilities, against labels y (N,) int64, in expectation.

    Accuracy, recalls and confidence are 1 / n_classes, macro F1 is that of the expected numbers, and the guess is
    calibrated. Raises ValueError for N = 0.
    """
    if not len(y):
        raise ValueError("there are no labels to measure a guess on")
    actual = np.bincount(y, minlength=n_classes)
    hits, claimed = actual / n_classes, len(y) / n_classes
    return HeldOutMetrics(
        accuracy=1 / n_classes,
        balanced_accuracy=1 / n_classes,
        macro_f1=float((2 * hits / (actual + claimed)).mean()),
        nll=float(np.log(n_classes)),
        ece=0.0,
        confidence=1 / n_classes,
        rarest_recall=1 / n_classes,
    )


def _log_loss(probabilities_of_labels: NDArray[np.floating[Any]]) -> float:
    """Mean negative logarithm, in nats, of the probabilities (N,) of the true classes.

    Not `sklearn.metrics.log_loss`: for float32 probabilities it takes the logarithm in float32, which is wrong in the
    seventh digit, and for float64 it warns about rows that sum to 1 in float32 only.
    """
    clipped = np.clip(probabilities_of_labels.astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return float(-np.log(clipped).mean())


def _calibration_error(confidence: NDArray[np.floating[Any]], correct: NDArray[np.bool_]) -> float:
    """Expected calibration error (0..1) of the top probabilities (N,), with 15 bins of equal width.

    Guo et al. 2017, arXiv 1706.04599, section 2; scikit-learn does not have it.
    """
    bins = np.clip(np.ceil(confidence.astype(np.float64) * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    expected = np.bincount(bins, weights=confidence, minlength=ECE_BINS)
    observed = np.bincount(bins, weights=correct, minlength=ECE_BINS)
    return float(np.abs(expected - observed).sum() / len(correct))
