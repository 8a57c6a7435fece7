"""How sure a head is of its predictions, from its probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def closeness(p: Matrix, multi_label: bool) -> Matrix:
    """How close the two top classes of each row of p (m, n_classes) float32 are, (m,) float32: 1 − (p₁ − p₂).

    multi_label: the mean over the classes of 1 − |p − (1 − p)|, p against its complement.
    """
    if multi_label:
        mean: Matrix = (1 - np.abs(2 * p - 1)).mean(axis=1)
        return mean
    rows, top = np.arange(len(p)), p.argmax(axis=1)
    without_top = p.copy()
    without_top[rows, top] = 0
    closeness: Matrix = 1 - (p[rows, top] - without_top.max(axis=1))
    return closeness


def prediction_error(p: Matrix, multi_label: bool) -> Matrix:
    """ŷ − p of each row of p (m, n_classes) float32, (m, n_classes) float32, ŷ the prediction as 0/1.

    Up to its sign the gradient of the loss at the prediction by the logits. ŷ: the top class; multi_label: all p ≥ ½.
    """
    error = -p
    if multi_label:
        error += p >= 0.5
    else:
        error[np.arange(len(p)), p.argmax(axis=1)] += 1
    return error
