"""The two log losses of the head, with their curvature: one softmax over all classes, or a sigmoid per class.

Shapes: k classes, n rows. Logits F, targets Y (0 or 1) and probabilities P are (k, n), one row per class. A sum has
shape () for the softmax, which is one problem, and (k, 1) for the sigmoids, which are k independent problems. Arrays
are float32 or float64, and results have the dtype of the inputs, except that sums are float64.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.floating[Any]]


class Loss(Protocol):
    """What the solver needs from a log loss."""

    def start(self, Y: Matrix) -> Matrix:
        """Returns the optimal intercepts (k,) float64 of a model without weights, for targets Y (k, n)."""

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        """Returns the sum of the losses, () or (k, 1) float64, and the probabilities (k, n); F, Y: (k, n)."""

    def curvature(self, P: Matrix, F: Matrix) -> Matrix:
        """Returns the second derivative along a change F (k, n) of the logits, () or (k, 1) float64; P: (k, n)."""

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        """Returns the inner product of A and B, both (k, d): () over all entries, or (k, 1), one per row; float64."""

    def largest(self, A: Matrix) -> Matrix:
        """Returns the largest absolute value in A (k, d): () of all entries, or (k, 1), one per row."""


class Softmax:
    """Multinomial log loss: one softmax over k classes, each with its own weights. Methods as in `Loss`."""

    def start(self, Y: Matrix) -> Matrix:
        """Returns (k,), the logarithm of each class's share in the targets Y (k, n)."""
        logits: Matrix = np.log(Y.mean(axis=1, dtype=np.float64))
        return logits

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        """Returns the sum of the losses () and the softmax of the logits (k, n); F, Y: (k, n)."""
        P = F - F.max(axis=0)
        of_label = np.einsum("kn,kn->n", P, Y)
        np.exp(P, out=P)
        total = P.sum(axis=0)
        P *= 1 / total
        return np.asarray((np.log(total) - of_label).sum(dtype=np.float64)), P

    def curvature(self, P: Matrix, F: Matrix) -> Matrix:
        """Returns () the sum over the rows of Σ P F² − (Σ P F)², where Σ is over the k classes; P, F: (k, n)."""
        S = P * F
        means = S.sum(axis=0)
        return np.asarray(np.vdot(S, F) - np.vdot(means, means), dtype=np.float64)

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        """Returns the inner product () over all entries of A and B, both (k, d)."""
        return np.asarray(np.vdot(A, B), dtype=np.float64)

    def largest(self, A: Matrix) -> Matrix:
        """Returns the largest absolute value () of the entries of A (k, d)."""
        return np.asarray(max(A.max(), -A.min()))


class Sigmoid:
    """Binary log loss: one sigmoid per class, independent of the others. Methods as in `Loss`."""

    def start(self, Y: Matrix) -> Matrix:
        """Returns (k,), the log odds of each class's share in the targets Y (k, n)."""
        share = Y.mean(axis=1, dtype=np.float64)
        logits: Matrix = np.log(share / (1 - share))
        return logits

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        """Returns the sums of the losses (k, 1) and the sigmoid of the logits (k, n); F, Y: (k, n)."""
        small = np.exp(-np.abs(F))
        above = 1 + small
        P = np.where(F >= 0, F.dtype.type(1), small)
        P /= above
        losses = np.log1p(small)
        losses += np.maximum(F, 0)
        losses -= Y * F
        return losses.sum(axis=1, keepdims=True, dtype=np.float64), P

    def curvature(self, P: Matrix, F: Matrix) -> Matrix:
        """Returns the sums (k, 1) of P (1 − P) F²; P, F: (k, n)."""
        S = P * F
        return self.dot(S, F) - self.dot(S, S)

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        """Returns the inner products (k, 1) of the rows of A and B, both (k, d)."""
        products: Matrix = np.einsum("ij,ij->i", A, B)[:, None].astype(np.float64)
        return products

    def largest(self, A: Matrix) -> Matrix:
        """Returns the largest absolute value of each row of A (k, d), (k, 1)."""
        return np.asarray(np.abs(A).max(axis=1, keepdims=True))
