"""The two log losses of the head, with their curvature: one softmax over all classes, or a sigmoid per class.

Shapes: k classes, n rows, m features; logits F, targets Y (0 or 1) and probabilities P are (k, n), a class a row,
since products of that layout are the fastest. A sum is () for the softmax, which is one problem, and (k, 1) for the
sigmoids, which are k problems that share nothing.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.floating[Any]]

LEAST_CURVATURE = 1e-10
"""Of an intercept, per row: certain probabilities leave it none, and a Newton step would have no length."""


class Loss(Protocol):
    """What the solver asks of a log loss."""

    def start(self, Y: Matrix) -> Matrix:
        """The best intercepts without any weights, (k,)."""

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        """Sum of the losses, and the probabilities."""

    def curve(self, P: Matrix, F: Matrix) -> Matrix:
        """Second derivative at P times a change F of the logits, (k, n)."""

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        """Inner product of two arrays of k rows."""

    def newton_cost(self, n: int, m: int, k: int) -> float:
        """Multiply-adds of `newton_step`."""

    def newton_step(self, Z: Matrix, P: Matrix, gradient: Matrix, C: float) -> Matrix:
        """Solution (k, m) of Hessian · step = −gradient; Z (n, m) ends in a column of ones, the unpenalised one."""


class Softmax:
    """Multinomial log loss, every class with its own weights."""

    def start(self, Y: Matrix) -> Matrix:
        logits: Matrix = np.log(Y.mean(axis=1))
        return logits

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        shifted = F - F.max(axis=0)
        P = np.exp(shifted)
        total = P.sum(axis=0)
        P /= total
        return np.log(total).sum() - np.vdot(shifted, Y), P

    def curve(self, P: Matrix, F: Matrix) -> Matrix:
        S = P * F
        S -= P * S.sum(axis=0)
        return S

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        return np.asarray(np.vdot(A, B))

    def newton_cost(self, n: int, m: int, k: int) -> float:
        return n * (m * k) ** 2 + (m * k) ** 3 + 2 * n * m * m * k

    def newton_step(self, Z: Matrix, P: Matrix, gradient: Matrix, C: float) -> Matrix:
        n, m = Z.shape
        k = len(P)
        PZ = (P[:, None, :] * Z.T).reshape(k * m, n)
        H = PZ @ PZ.T
        H *= -C
        blocks = H.reshape(k, m, k, m)
        every = np.arange(k)
        blocks[every, :, every, :] += C * (PZ.reshape(k, m, n) @ Z)
        H.flat[:: k * m + 1] += np.tile(np.r_[np.ones(m - 1), LEAST_CURVATURE * C * n], k)
        # All intercepts may move together for free; a price on their sum keeps the Hessian regular.
        blocks[:, -1, :, -1] += C * n / k**2
        step: Matrix = np.linalg.solve(H, -gradient.reshape(-1)).reshape(k, m)
        return step


class Sigmoid:
    """Binary log loss of each class on its own."""

    def start(self, Y: Matrix) -> Matrix:
        share = Y.mean(axis=1)
        logits: Matrix = np.log(share / (1 - share))
        return logits

    def value(self, F: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
        small = np.exp(-np.abs(F))
        P = np.where(F >= 0, 1.0, small) / (1 + small)
        return (np.log1p(small) + np.maximum(F, 0) - Y * F).sum(axis=1, keepdims=True), P

    def curve(self, P: Matrix, F: Matrix) -> Matrix:
        S = P * F
        S -= P * S
        return S

    def dot(self, A: Matrix, B: Matrix) -> Matrix:
        products: Matrix = np.einsum("ij,ij->i", A, B)[:, None]
        return products

    def newton_cost(self, n: int, m: int, k: int) -> float:
        return k * (n * m * m + m**3)

    def newton_step(self, Z: Matrix, P: Matrix, gradient: Matrix, C: float) -> Matrix:
        n, m = Z.shape
        penalty = np.r_[np.ones(m - 1), LEAST_CURVATURE * C * n]
        step = np.empty_like(gradient)
        for row, p in enumerate(P):
            H = (Z.T * (C * p * (1 - p))) @ Z
            H.flat[:: m + 1] += penalty
            step[row] = np.linalg.solve(H, -gradient[row])
        return step
