"""What a head is worth on the test split: accuracy, balanced accuracy, macro F1, negative log likelihood, ECE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ECE_BINS = 15
LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Probabilities are clipped here before the logarithm, as by scikit-learn: a label costs at most 15.9 nats."""


@dataclass(frozen=True)
class Metrics:
    """accuracy, balanced_accuracy, macro_f1 and ece in 0..1; nll in nats, at most 15.9."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    nll: float
    ece: float


def evaluate(probabilities: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]]) -> Metrics:
    """Metrics of probabilities (N, n_classes) against labels y (N,) in 0..n_classes-1.

    Balanced accuracy is the mean recall of the classes that y has; macro F1 the mean over the classes that y or the
    predictions have, as in scikit-learn. ECE: 15 bins of equal width over the top probability
    (Guo et al. 2017, arXiv 1706.04599, section 2). Raises ValueError without rows or for shapes that do not fit.
    """
    if not len(y) or probabilities.ndim != 2 or len(probabilities) != len(y):
        raise ValueError(f"{len(y)} labels do not fit probabilities of shape {probabilities.shape}")
    n, n_classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    rows = np.arange(n)
    hit = predicted == y
    right = np.bincount(y[hit], minlength=n_classes)
    there, named = (np.bincount(of, minlength=n_classes) for of in (y, predicted))
    either = there + named > 0
    own = np.clip(probabilities[rows, y].astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return Metrics(
        accuracy=float(hit.mean()),
        balanced_accuracy=float((right[there > 0] / there[there > 0]).mean()),
        macro_f1=float((2 * right[either] / (there + named)[either]).mean()),
        nll=float(-np.log(own).mean()),
        ece=_calibration_error(probabilities[rows, predicted], hit),
    )


def _calibration_error(confidence: NDArray[np.floating[Any]], hit: NDArray[np.bool_]) -> float:
    bins = np.clip(np.ceil(confidence.astype(np.float64) * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    gap = np.bincount(bins, weights=confidence, minlength=ECE_BINS) - np.bincount(bins, weights=hit, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(hit))
