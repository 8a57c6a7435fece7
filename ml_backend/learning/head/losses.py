"""The two log losses of the head, with their curvature: one softmax over all classes, or a sigmoid per class.

Shapes: k classes, n rows, m features. Logits F, targets Y (0 or 1) and probabilities P are (k, n), one row per class,
as matrix products are fastest in that layout. A sum has shape () for the softmax, which is one problem, and (k, 1) for
the sigmoids, which are k independent problems. Arrays are float32 or float64, and results have the dtype of the inputs.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.floating[Any]]

LEAST_CURVATURE = 1e-10
"""Smallest curvature of an intercept, per row.

Where all probabilities are certain the curvature is 0, and a Newton step would not be defined.
"""


class Loss(Protocol):
    """What the solver needs from a log loss."""

    def start(self, Y: Matrix) -> Matrix:
        """Returns the optimal intercepts (k,) of a model without weights, for targets Y (k, n)."""

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        """Returns the sum of the losses, () or (k, 1), and the probabilities (k, n); F, Y: (k, n)."""

    def curve(self, P: Matrix, F: Matrix) -> Matrix:
        """Returns the second derivative (k, n) at the probabilities P (k, n) times a change F (k, n) of the logits."""

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        """Returns the inner product of A and B, both (k, d): () over all entries, or (k, 1), one per row."""

    def newton_cost(self, n: int, m: int, k: int) -> float:
        """Returns the number of multiply-adds of `newton_step` for n rows, m features and k classes."""

    def newton_step(self, Z: Matrix, P: Matrix, gradient: Matrix, C: float, ridge: Matrix) -> Matrix:
        """Returns the solution (k, m) of Hessian · step = −gradient.

        Z: (n, m), the last column is all ones; P: (k, n) probabilities; gradient: (k, m); C: weight of the loss against
        the penalty; ridge: (m,) penalty of each parameter. Raises numpy's LinAlgError if the Hessian is singular.
        """


class Softmax:
    """Multinomial log loss: one softmax over k classes, each with its own weights. Methods as in `Loss`."""

    def start(self, Y: Matrix) -> Matrix:
        """Returns (k,), the logarithm of each class's share in the targets Y (k, n)."""
        logits: Matrix = np.log(Y.mean(axis=1))
        return logits

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        """Returns the sum of the losses () and the softmax of the logits (k, n); F, Y: (k, n)."""
        shifted = F - F.max(axis=0)
        P = np.exp(shifted)
        total = P.sum(axis=0)
        P /= total
        return np.log(total).sum() - np.vdot(shifted, Y), P

    def curve(self, P: Matrix, F: Matrix) -> Matrix:
        """Returns P (F − Σ P F), where the sum runs over the k classes; P, F and the result are (k, n)."""
        S = P * F
        S -= P * S.sum(axis=0)
        return S

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        """Returns the inner product () over all entries of A and B, both (k, d)."""
        return np.asarray(np.vdot(A, B))

    def newton_cost(self, n: int, m: int, k: int) -> float:
        """Returns the multiply-adds for one system of m · k unknowns."""
        return n * (m * k) ** 2 + (m * k) ** 3 + 2 * n * m * m * k

    def newton_step(self, Z: Matrix, P: Matrix, gradient: Matrix, C: float, ridge: Matrix) -> Matrix:
        """Returns the step (k, m) of one system of m · k unknowns; Z (n, m), P (k, n), gradient (k, m)."""
        n, m = Z.shape
        k = len(P)
        PZ = (P[:, None, :] * Z.T).reshape(k * m, n)
        H = PZ @ PZ.T
        H *= -C
        blocks = H.reshape(k, m, k, m)
        classes = np.arange(k)
        blocks[classes, :, classes, :] += C * (PZ.reshape(k, m, n) @ Z)
        H.flat[:: k * m + 1] += np.tile(_regular(ridge, C * n), k)
        # Adding a constant to all intercepts changes nothing; a penalty on their sum keeps the Hessian regular.
        blocks[:, -1, :, -1] += C * n / k**2
        step: Matrix = np.linalg.solve(H, -gradient.reshape(-1)).reshape(k, m)
        return step


class Sigmoid:
    """Binary log loss: one sigmoid per class, independent of the others. Methods as in `Loss`."""

    def start(self, Y: Matrix) -> Matrix:
        """Returns (k,), the log odds of each class's share in the targets Y (k, n)."""
        share = Y.mean(axis=1)
        logits: Matrix = np.log(share / (1 - share))
        return logits

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        """Returns the sums of the losses (k, 1) and the sigmoid of the logits (k, n); F, Y: (k, n)."""
        small = np.exp(-np.abs(F))
        P = np.where(F >= 0, 1.0, small) / (1 + small)
        return (np.log1p(small) + np.maximum(F, 0) - Y * F).sum(axis=1, keepdims=True), P

    def curve(self, P: Matrix, F: Matrix) -> Matrix:
        """Returns P (1 − P) F for each entry; P, F and the result are (k, n)."""
        S = P * F
        S -= P * S
        return S

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        """Returns the inner products (k, 1) of the rows of A and B, both (k, d)."""
        products: Matrix = np.einsum("ij,ij->i", A, B)[:, None]
        return products

    def newton_cost(self, n: int, m: int, k: int) -> float:
        """Returns the multiply-adds for k systems of m unknowns."""
        return k * (n * m * m + m**3)

    def newton_step(self, Z: Matrix, P: Matrix, gradient: Matrix, C: float, ridge: Matrix) -> Matrix:
        """Returns the steps (k, m) of k systems of m unknowns each; Z (n, m), P (k, n), gradient (k, m)."""
        n, m = Z.shape
        penalty = _regular(ridge, C * n)
        step = np.empty_like(gradient)
        for row, p in enumerate(P):
            H = (Z.T * (C * p * (1 - p))) @ Z
            H.flat[:: m + 1] += penalty
            step[row] = np.linalg.solve(H, -gradient[row])
        return step


def _regular(ridge: Matrix, weight: float) -> Matrix:
    """Returns the penalties (m,) with a small one for an intercept that has none, so that the Hessian stays regular."""
    regular: Matrix = np.r_[ridge[:-1], max(ridge[-1], LEAST_CURVATURE * weight)]
    return regular
