"""An approximate inverse Hessian: a diagonal, and the corrections to it that the last steps brought."""

from __future__ import annotations

from collections import deque

import numpy as np

from ml_backend.learning.head.features import Features
from ml_backend.learning.head.losses import Loss, Matrix

PAIRS = 4
"""Number of steps that are remembered."""


def inverse_diagonal(features: Features, P: Matrix, C: float, ridge: Matrix) -> Matrix:
    """Returns the diagonal of an approximate inverse Hessian, (k, m + 1), at the probabilities P (k, n).

    Every row is taken to have the mean curvature p (1 − p) of all, and the features to be uncorrelated.
    C: weight of the loss against the penalty; ridge: (m + 1,), the penalty of each parameter.
    """
    curvature = (P * (1 - P)).mean(axis=1, keepdims=True)
    # Where all probabilities are certain the curvature is 0, and intercepts would have no scale.
    curvature = np.maximum(curvature, np.finfo(ridge.dtype).eps ** 2)
    inverse: Matrix = (1 / (ridge + C * curvature * features.squares)).astype(ridge.dtype)
    return inverse


class Pairs:
    """The last steps and the changes of the gradient along them, from which L-BFGS corrects an inverse Hessian.

    The corrections are those of Nocedal, Wright: Numerical Optimization, 2006, algorithm 7.4.
    """

    def __init__(self, loss: Loss) -> None:
        self._dot = loss.dot
        self._pairs: deque[tuple[Matrix, Matrix, Matrix]] = deque(maxlen=PAIRS)

    def add(self, step: Matrix, change: Matrix) -> None:
        """Remember a step (k, m + 1) and the change of the gradient (k, m + 1), in place of the oldest pair."""
        curvature = self._dot(step, change)
        # A problem that has converged makes no step any more, or one whose curvature is lost in rounding.
        weight = np.divide(1, curvature, out=np.zeros_like(curvature), where=curvature > 0)
        self._pairs.append((step, change, weight.astype(step.dtype)))

    def times(self, G: Matrix, inverse: Matrix) -> Matrix:
        """Returns the corrected inverse Hessian times G (k, m + 1), of the same shape; inverse: its diagonal."""
        q, lengths, scratch = G.copy(), [], np.empty_like(G)
        for step, change, weight in reversed(self._pairs):
            lengths.append(weight * self._dot(step, q).astype(G.dtype))
            q -= np.multiply(change, lengths[-1], out=scratch)
        q *= inverse
        for (step, change, weight), length in zip(self._pairs, reversed(lengths), strict=True):
            q += np.multiply(step, length - weight * self._dot(change, q).astype(G.dtype), out=scratch)
        return q
