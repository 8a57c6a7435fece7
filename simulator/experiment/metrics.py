"""What a head is worth on the test split: accuracy, balanced accuracy, macro F1, negative log likelihood, ECE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

ECE_BINS = 15
LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Probabilities are clipped here before the logarithm, as by scikit-learn: a label costs at most 15.9 nats."""


@dataclass(frozen=True)
class HeldOutMetrics:
    """accuracy, balanced_accuracy, macro_f1 and ece in 0..1; nll in nats, at most 15.9."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    nll: float
    ece: float


def evaluate(probabilities: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]]) -> HeldOutMetrics:
    """Metrics of probabilities (N, n_classes) float32 against labels y (N,) int64 in 0..n_classes-1.

    Balanced accuracy is the mean recall of the classes that y has; macro F1 the mean over the classes that y or the
    predictions have, as in scikit-learn. Raises ValueError without rows or for shapes that do not fit.
    """
    if not len(y) or probabilities.ndim != 2 or len(probabilities) != len(y):
        raise ValueError(f"{len(y)} labels do not fit probabilities of shape {probabilities.shape}")
    predicted = probabilities.argmax(axis=1)
    correct = predicted == y
    # One call for both means: each of scikit-learn's functions counts the same matrix anew.
    _, recall, f1, support = precision_recall_fscore_support(y, predicted, zero_division=0)
    rows = np.arange(len(y))
    return HeldOutMetrics(
        accuracy=float(correct.mean()),
        balanced_accuracy=float(recall[support > 0].mean()),
        macro_f1=float(f1.mean()),
        nll=_log_loss(probabilities[rows, y]),
        ece=_calibration_error(probabilities[rows, predicted], correct),
    )


def _log_loss(own: NDArray[np.floating[Any]]) -> float:
    """Mean negative logarithm of the probabilities (N,) of the right classes, in nats.

    Not `sklearn.metrics.log_loss`: of float32 probabilities it takes the logarithm in float32, which is off in the
    seventh digit, and in float64 it warns of rows that sum to 1 in float32 only.
    """
    return float(-np.log(np.clip(own.astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)).mean())


def _calibration_error(confidence: NDArray[np.floating[Any]], correct: NDArray[np.bool_]) -> float:
    """Expected calibration error of the top probabilities (N,), 15 bins of equal width; scikit-learn has none.

    Guo et al. 2017, arXiv 1706.04599, section 2.
    """
    bins = np.clip(np.ceil(confidence.astype(np.float64) * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    sums = (np.bincount(bins, weights=of, minlength=ECE_BINS) for of in (confidence, correct))
    claimed, reached = sums
    return float(np.abs(claimed - reached).sum() / len(correct))
