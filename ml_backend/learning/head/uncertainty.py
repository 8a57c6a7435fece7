"""Measures of how uncertain a head is about its predictions, computed from its probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def closeness(p: Matrix, multi_label: bool) -> Matrix:
    """Returns how close the two most likely classes of each row are, (m,) float32, from 0 to 1: 1 − (p₁ − p₂).

    p: (m, n_classes) float32, probabilities.
    multi_label: the result is the mean over the classes of 1 − |p − (1 − p)|, which compares p with its complement.
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
