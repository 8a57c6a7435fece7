"""The labelled rows in the form that the solver uses: centred, in as few dimensions as they span, in two precisions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ml_backend.learning.head.losses import Matrix

Expand: TypeAlias = Callable[[Matrix], Matrix]
Make: TypeAlias = Callable[[], Matrix]

USUAL_PRODUCTS = 80
"""Usual number of matrix products in a fit of several classes."""
BINARY_PRODUCTS = 15
"""Usual number of products in a binary fit; each multiplies a matrix by a vector, and there are fewer steps."""


class Features:
    """Centred rows Z (n, m) with a constant feature for the intercepts; parameters V are (k, m + 1), intercepts last.

    dimensions: m.
    narrow, wide: functions that make Z in the lower precision and as float64; each is called when its result is first
    needed. wide is None where the lower precision is enough.
    expand: maps weights (k, m) of the features to weights (k, D) of the embeddings.
    """

    def __init__(self, dimensions: int, narrow: Make, wide: Make | None, expand: Expand) -> None:
        self.dimensions, self._narrow, self._wide, self.expand = dimensions, narrow, wide, expand

    @cached_property
    def narrow(self) -> Matrix:
        """Z (n, m) in the lower precision: float32, or float64 where float32 would overflow or lose too much."""
        made: Matrix = self._narrow()
        return made

    @cached_property
    def wide(self) -> Matrix:
        """Z (n, m) as float64, or `narrow` where that is precise enough."""
        made: Matrix = self._wide() if self._wide is not None else self.narrow
        return made

    @cached_property
    def padded(self) -> Matrix:
        """The rows with the constant feature as the last column, (n, m + 1) float64."""
        rows: Matrix = np.c_[self.wide, np.ones(len(self.wide))]
        return rows

    def spread(self) -> Matrix:
        """Returns the mean square of every feature, (m + 1,); that of the constant feature is 1."""
        squares: Matrix = np.r_[np.einsum("ij,ij->j", self.narrow, self.narrow) / len(self.narrow), 1.0]
        return squares


def logits(V: Matrix, Z: Matrix) -> Matrix:
    """Returns the logits (k, n), in the dtype of Z: parameters V times the rows with their constant feature.

    V: (k, m + 1), intercepts last; Z: (n, m), float32 or float64.
    """
    V = V.astype(Z.dtype, copy=False)
    F: Matrix = V[:, :-1] @ Z.T
    F += V[:, -1:]
    return F


def gather(R: Matrix, Z: Matrix) -> Matrix:
    """Returns R times the rows with their constant feature, (k, m + 1) in the dtype of Z; the transpose of `logits`.

    R: (k, n); Z: (n, m), float32 or float64.
    """
    R = R.astype(Z.dtype, copy=False)
    G = np.empty((len(R), Z.shape[1] + 1), dtype=Z.dtype)
    np.matmul(R, Z, out=G[:, :-1])
    np.sum(R, axis=1, out=G[:, -1])
    return G


def product_cost(n: int, m: int, k: int) -> float:
    """Returns the cost of `logits` or `gather` in float32; the unit is one multiply-add of a large float64 product.

    n, m, k: numbers of rows, features and classes. Measured with OpenBLAS: products with few classes are memory-bound,
    and more strongly so from two classes on.
    """
    return n * m * (5.0 if k == 1 else 20 + k / 2)


def centred(X: Matrix, mean: Matrix, k: int, narrow: type[np.floating[Any]], narrow_is_enough: bool) -> Features:
    """Returns the features of embeddings X: the centred rows, or their coordinates in the span of the rows.

    X: (n, D), float32 or float64; mean: (D,) float64, subtracted from every row; k: number of classes.
    narrow: dtype of the lower precision.
    narrow_is_enough: whether rounding in `narrow` products stays below the solver's tolerance, so that no float64 copy
    is made.

    The optimal weights lie in the span of the rows, which has fewer dimensions than D if there are few rows. Centring
    changes only the intercepts, and removes the part that all embeddings share from the Hessian.
    """
    n, D = X.shape
    products = BINARY_PRODUCTS if k == 1 else USUAL_PRODUCTS
    if n < D and n * n * D / 2 + n**3 / 3 < products * product_cost(n, D - n, k):
        return _in_span(X - mean, narrow)
    mean_narrow = mean.astype(narrow)
    return Features(
        D,
        lambda: np.subtract(X, mean_narrow, dtype=narrow),
        None if narrow_is_enough else lambda: np.subtract(X, mean, dtype=np.float64),
        expand=lambda W: W,
    )


def principal(features: Features) -> tuple[Features, Matrix]:
    """Returns the features along their principal axes, where they are uncorrelated, and the axes.

    The axes are (m, m) float64, one per column, for features with Z (n, m).
    """
    Z = features.wide
    _, axes = np.linalg.eigh(Z.T @ Z)
    return _from_matrix(Z @ axes, lambda W: features.expand(W @ axes.T), features.narrow.dtype.type), axes


def _from_matrix(Z: Matrix, expand: Expand, narrow: type[np.floating[Any]]) -> Features:
    return Features(Z.shape[1], lambda: Z.astype(narrow), lambda: Z, expand)


def _in_span(X: Matrix, narrow: type[np.floating[Any]]) -> Features:
    n = len(X)
    gram = X @ X.T
    # Centred rows make the matrix singular. Adding this much to its diagonal changes logits by less than 1e-8.
    jitter = max(1e-11 * float(gram.diagonal().max()), float(np.finfo(np.float64).tiny))
    while True:
        gram.flat[:: n + 1] += jitter
        try:
            L = np.linalg.cholesky(gram)
            break
        except np.linalg.LinAlgError:
            jitter *= 10
    return _from_matrix(L, lambda W: _solve_triangle(L, W) @ X, narrow)


def _solve_triangle(L: Matrix, V: Matrix) -> Matrix:
    """Returns A (k, n) with A L = V, for a lower triangular L (n, n) and V (k, n).

    It works block by block from the last column, as numpy has no triangular solver.
    """
    A = V.copy()
    for start in reversed(range(0, len(L), 128)):
        block, columns_after = slice(start, start + 128), slice(start + 128, None)
        A[:, block] -= A[:, columns_after] @ L[columns_after, block]
        A[:, block] = np.linalg.solve(L[block, block].T, A[:, block].T).T
    return A
