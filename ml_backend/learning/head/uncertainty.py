"""Measures of how uncertain a head is about its predictions.

Those of exclusive classes are computed from the logits of some rows at a time, without storing probabilities: with m
the highest logit of a row and S the sum of e^(f − m) over its logits f, the highest probability is 1 / S.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ml_backend.learning.head.logistic import Head

Matrix = NDArray[np.float32]

LEAST_EXPONENT = np.float32(-100)
"""Differences of logits below this count as this: e^−100 is 0 in float32, and it keeps 0 · ∞ out of the entropy."""


def least_confidence(head: Head, x: NDArray[np.floating[Any]]) -> Matrix:
    """Returns 1 − p₁ of each row of x (n, D) of any float type, (n,) float32; p₁ is the highest probability.

    head: of exclusive classes. The result of a row whose logits are not finite is NaN.
    """
    logits = _logits(head, x)
    shifted = _minus(logits, logits.max(axis=0))
    result: Matrix = 1 - 1 / np.exp(shifted, out=shifted).sum(axis=0)
    return result


def closeness(head: Head, x: NDArray[np.floating[Any]], temperature: float | None = None) -> Matrix:
    """Returns how close the two most likely classes of each row of x are, (n,) float32, from 0 to 1: 1 − (p₁ − p₂).

    As `least_confidence`; temperature: divides the logits in place of the head's.
    """
    logits = _logits(head, x, temperature)
    highest, second = logits[0].copy(), np.full(logits.shape[1], -np.inf, dtype=np.float32)
    for of_class in logits[1:]:
        np.maximum(second, np.minimum(highest, of_class), out=second)
        np.maximum(highest, of_class, out=highest)
    powers = np.exp(_minus(logits, highest), out=logits)
    result: Matrix = 1 - (1 - np.exp(_minus(second, highest))) / powers.sum(axis=0)
    return result


def entropy(head: Head, x: NDArray[np.floating[Any]]) -> Matrix:
    """Returns −Σ p log p of each row of x (n, D), (n,) float32, in nats. As `least_confidence`."""
    logits = _logits(head, x)
    shifted = _minus(logits, logits.max(axis=0))
    np.maximum(shifted, LEAST_EXPONENT, out=shifted)
    powers = np.exp(shifted)
    total = powers.sum(axis=0)
    powers *= shifted
    # −log p = log S − (f − m)
    nats: Matrix = np.log(total) - powers.sum(axis=0) / total
    return nats


def _logits(head: Head, x: NDArray[np.floating[Any]], temperature: float | None = None) -> Matrix:
    """Logits of the classes with labels, (classes, n) float32; the others have probability 0 in float32.

    Each class is one row: numpy compares and adds long rows faster than it finds the largest of many short ones.
    """
    scale = np.float32(1.0 / (head.temperature if temperature is None else temperature))
    weights: Matrix = np.multiply(head.weights[head.seen], scale)
    with np.errstate(invalid="ignore", over="ignore"):  # the caller reports rows without finite logits
        logits = weights @ np.asarray(x, dtype=np.float32).T
        logits += (head.bias[head.seen] * scale)[:, None]
    return logits


def _minus(logits: Matrix, highest: Matrix) -> Matrix:
    """The logits minus the highest of their row, in place; NaN where that is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.subtract(logits, highest, out=logits)


def closeness_to_half(p: Matrix) -> Matrix:
    """Returns the mean over the classes of 1 − |p − (1 − p)|, which compares p with its complement, (m,) float32.

    p: (m, n_classes) float32, probabilities of classes that do not exclude each other.
    """
    mean: Matrix = (1 - np.abs(2 * p - 1)).mean(axis=1)
    return mean


def prediction_error(p: Matrix, multi_label: bool) -> Matrix:
    """Returns ŷ − p, (m, n_classes) float32, where ŷ is the prediction as 0/1.

    p: (m, n_classes) float32, probabilities. ŷ is 1 for the most likely class; multi_label: for all classes with p ≥ ½.
    Up to its sign this is the gradient of the log loss with respect to the logits, with the prediction as the label.
    """
    error = -p
    if multi_label:
        error += p >= 0.5
    else:
        error[np.arange(len(p)), p.argmax(axis=1)] += 1
    return error
