"""The labelled rows in the form that the solver uses: centred, and along their principal axes where that pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ml_backend.learning.head.losses import Matrix

Expand: TypeAlias = Callable[[Matrix], Matrix]

# Costs in multiply-adds of a large product. They decide which coordinates are used, and have no effect on the optimum.
CALL_COST = 7.5e6
"""Cost of the Python calls in one iteration of the solver."""
ELEMENT_COST = 150
"""Cost of one probability in one iteration."""
USUAL_ITERATIONS = 40
SHARE_ALONG_AXES = 0.74
"""Usual number of iterations along principal axes, as a share of the number without them."""
FEW_CLASSES = 40
"""Up to so many classes, products are faster with one row of the result per labelled row, though it is then copied."""


class Features:
    """Centred rows Z (n, m + 1), whose last column is 1 for the intercepts; parameters V are (k, m + 1).

    squares: (m + 1,), sum of the squares of every feature. expand: maps weights (k, m) of the features to weights
    (k, D) of the embeddings.
    """

    def __init__(self, Z: Matrix, squares: Matrix, expand: Expand, k: int) -> None:
        self.Z, self.expand = Z, expand
        self.squares = np.append(squares, len(Z)).astype(Z.dtype)
        self._by_rows = np.ascontiguousarray(Z.T) if 1 < k <= FEW_CLASSES else None

    def logits(self, V: Matrix) -> Matrix:
        """Returns the logits (k, n) of parameters V (k, m + 1)."""
        if self._by_rows is None:
            return np.asarray(V @ self.Z.T)
        return np.ascontiguousarray((self.Z @ V.T).T)

    def gather(self, R: Matrix) -> Matrix:
        """Returns R (k, n) times the rows, (k, m + 1): the transpose of `logits`."""
        if self._by_rows is None:
            return np.asarray(R @ self.Z)
        return np.ascontiguousarray((self._by_rows @ np.ascontiguousarray(R.T)).T)


def centred(X: Matrix, mean: Matrix, k: int, dtype: type[np.float32] | type[np.float64]) -> Features:
    """Returns the features of embeddings X for k classes: the centred rows, or their coordinates along principal axes.

    X: (n, D), float32 or float64; mean: (D,) float64, subtracted from every row. Centring changes only the intercepts.
    The optimal weights lie in the span of the rows, which has fewer dimensions than D if there are few rows.
    """
    n, D = X.shape
    rows, Z = _empty(n, D, dtype)
    np.subtract(X, mean.astype(dtype), out=Z, casting="same_kind")
    if not _axes_pay(n, D, k):
        return Features(rows, np.einsum("ij,ij->j", Z, Z), lambda W: W, k)
    if n <= D:
        return _in_span(Z, k)
    squares, axes = _eigenvectors(Z.T @ Z)
    np.matmul(Z.copy(), axes, out=Z)
    return Features(rows, np.maximum(squares, 0), lambda W: W @ axes.T, k)


def _axes_pay(n: int, D: int, k: int) -> bool:
    """Whether principal axes of n rows of D dimensions save more time than they take, for k classes."""
    m = min(n, D)
    axes_cost = 3 * m**3 + 1000 * m**2 + n * D * m / 2 + (n * D * m if n > D else 0)
    saved = _iteration_cost(n, D, k) - SHARE_ALONG_AXES * _iteration_cost(n, m, k)
    return axes_cost < USUAL_ITERATIONS * saved


def _iteration_cost(n: int, m: int, k: int) -> float:
    """Returns the cost of an iteration of the solver for n rows, m features and k classes.

    Measured with OpenBLAS: products with few vectors are slower, but not those with one.
    """
    return 2 * n * m * k * (1 + (1 if k == 1 else 9 / k)) + ELEMENT_COST * n * k + CALL_COST


def _empty(n: int, m: int, dtype: type[np.floating[Any]] | np.dtype[Any]) -> tuple[Matrix, Matrix]:
    """Returns an array (n, m + 1) whose last column is 1, and a view of the other columns."""
    rows: Matrix = np.empty((n, m + 1), dtype=dtype)
    rows[:, -1] = 1
    return rows, rows[:, :-1]


def _in_span(Z: Matrix, k: int) -> Features:
    squares, U = _eigenvectors(Z @ Z.T)
    # Centred rows span n − 1 dimensions at most. What is left out changes logits by less than rounding does.
    kept = squares > 10 * np.finfo(Z.dtype).eps * squares[-1]
    squares, U = squares[kept], U[:, kept]
    lengths = np.sqrt(squares)
    rows, coordinates = _empty(len(Z), len(squares), Z.dtype)
    np.multiply(U, lengths, out=coordinates)
    return Features(rows, squares, lambda W: ((W / lengths) @ U.T) @ Z, k)


def _eigenvectors(S: Matrix) -> tuple[Matrix, Matrix]:
    """Returns the eigenvalues (m,), ascending, and eigenvectors (m, m) in columns, of a symmetric S (m, m)."""
    from scipy.linalg import eigh

    values, vectors = eigh(S, driver="evd", check_finite=False, overwrite_a=True)
    return values, vectors
