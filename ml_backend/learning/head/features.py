"""The labelled rows as the head's solver sees them: centred, in as few dimensions as they span, in two precisions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ml_backend.learning.head.losses import Matrix

Expand: TypeAlias = Callable[[Matrix], Matrix]
Make: TypeAlias = Callable[[], Matrix]

USUAL_PRODUCTS = 80
"""Matrix products of a usual fit of several classes."""
BINARY_PRODUCTS = 15
"""And of a binary one, whose products are of a matrix and a vector, in effect: it takes fewer steps."""


class Features:
    """Centred rows Z (n, m) and a constant feature for the intercepts; parameters V are (k, m + 1), intercepts last.

    narrow, wide: Z as float32 and as float64, made when first asked for, or the same where that is enough;
    dimensions: m.
    expand: weights (k, m) to weights (k, D) of the embeddings.
    """

    def __init__(self, dimensions: int, narrow: Make, wide: Make | None, expand: Expand) -> None:
        self.dimensions, self._narrow, self._wide, self.expand = dimensions, narrow, wide, expand

    @cached_property
    def narrow(self) -> Matrix:
        made: Matrix = self._narrow()
        return made

    @cached_property
    def wide(self) -> Matrix:
        made: Matrix = self._wide() if self._wide is not None else self.narrow
        return made

    @cached_property
    def padded(self) -> Matrix:
        """Rows with the constant feature, (n, m + 1) float64."""
        rows: Matrix = np.c_[self.wide, np.ones(len(self.wide))]
        return rows

    def spread(self) -> Matrix:
        """Mean square of every feature, (m + 1,)."""
        squares: Matrix = np.r_[np.einsum("ij,ij->j", self.narrow, self.narrow) / len(self.narrow), 1.0]
        return squares


def logits(V: Matrix, Z: Matrix) -> Matrix:
    """Parameters V (k, m + 1) times rows Z (n, m) with their constant feature, (k, n) in the precision of Z."""
    V = V.astype(Z.dtype, copy=False)
    F: Matrix = V[:, :-1] @ Z.T
    F += V[:, -1:]
    return F


def gather(R: Matrix, Z: Matrix) -> Matrix:
    """The transpose of `logits`: R (k, n) times the rows, (k, m + 1) in the precision of Z."""
    R = R.astype(Z.dtype, copy=False)
    G = np.empty((len(R), Z.shape[1] + 1), dtype=Z.dtype)
    np.matmul(R, Z, out=G[:, :-1])
    np.sum(R, axis=1, out=G[:, -1])
    return G


def product_cost(n: int, m: int, k: int) -> float:
    """What `logits` or `gather` costs in float32, in multiply-adds of a large float64 product.

    As measured with OpenBLAS: products with few classes wait for memory, the more so from two classes on.
    """
    return n * m * (5.0 if k == 1 else 20 + k / 2)


def centred(X: Matrix, mean: Matrix, k: int, narrow: type[np.floating[Any]], enough: bool) -> Features:
    """Features of embeddings X (n, D) for k classes: themselves, or their coordinates in the span of the rows.

    enough: rounding in `narrow` products is below the solver's tolerance, and a second copy is not worth its memory.

    The optimal weights lie in that span. Centring moves only the intercepts, and takes what all embeddings have in
    common out of the Hessian.
    """
    n, D = X.shape
    products = BINARY_PRODUCTS if k == 1 else USUAL_PRODUCTS
    if n < D and n * n * D / 2 + n**3 / 3 < products * product_cost(n, D - n, k):
        return _in_span(X - mean, narrow)
    mean_narrow = mean.astype(narrow)
    return Features(
        D,
        lambda: np.subtract(X, mean_narrow, dtype=narrow),
        None if enough else lambda: np.subtract(X, mean, dtype=np.float64),
        expand=lambda W: W,
    )


def principal(features: Features) -> tuple[Features, Matrix]:
    """The features along the principal axes, where they do not overlap, and the axes (m, m), one a column."""
    Z = features.wide
    _, axes = np.linalg.eigh(Z.T @ Z)
    return _given(Z @ axes, lambda W: features.expand(W @ axes.T), features.narrow.dtype.type), axes


def _given(Z: Matrix, expand: Expand, narrow: type[np.floating[Any]]) -> Features:
    return Features(Z.shape[1], lambda: Z.astype(narrow), lambda: Z, expand)


def _in_span(X: Matrix, narrow: type[np.floating[Any]]) -> Features:
    n = len(X)
    gram = X @ X.T
    # Centred rows make the matrix singular; this much on its diagonal moves logits by less than 1e-8.
    jitter = max(1e-11 * float(gram.diagonal().max()), float(np.finfo(np.float64).tiny))
    while True:
        gram.flat[:: n + 1] += jitter
        try:
            L = np.linalg.cholesky(gram)
            break
        except np.linalg.LinAlgError:
            jitter *= 10
    return _given(L, lambda W: _solve_triangle(L, W) @ X, narrow)


def _solve_triangle(L: Matrix, V: Matrix) -> Matrix:
    """A with A L = V for a lower triangle L, by blocks from the last: numpy has no triangular solve."""
    A = V.copy()
    for start in reversed(range(0, len(L), 128)):
        block, later = slice(start, start + 128), slice(start + 128, None)
        A[:, block] -= A[:, later] @ L[later, block]
        A[:, block] = np.linalg.solve(L[block, block].T, A[:, block].T).T
    return A
