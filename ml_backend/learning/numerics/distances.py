"""Squared Euclidean distances by one matrix product, in float32."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.threads import blocks

Matrix: TypeAlias = NDArray[np.float32]
Index: TypeAlias = slice | NDArray[np.int64]

ROUNDING = 1e-6
"""Rounding moves a squared distance by up to about this share of the squared norms, another way on each processor."""


def squared_norms(x: Matrix) -> Matrix:
    """Of each row of x (n, D), (n,)."""
    norms: Matrix = np.einsum("ij,ij->i", x, x)
    return norms


def squared_distances(x: Matrix, y: Matrix, x_squared: Matrix | None = None, y_squared: Matrix | None = None) -> Matrix:
    """Between the rows of x (n, D) and of y (t, D), (n, t) at least 0; with the squared norms where they are known.

    Where the distance is 0, rounding leaves up to about ROUNDING of the squared norms.
    """
    d: Matrix = x @ y.T
    d *= -2
    d += squared_norms(y) if y_squared is None else y_squared
    d += (squared_norms(x) if x_squared is None else x_squared)[:, None]
    return np.maximum(d, 0, out=d)


def to_nearest(x: Matrix, y: Matrix, x_squared: Matrix | None = None, y_squared: Matrix | None = None) -> Matrix:
    """Squared distance of each row of x (n, D) to the nearest row of y (t, D), (n,); infinite where t is 0.

    By blocks of y, so that no more than n × ROWS_AT_A_TIME distances are there at once.
    """
    x_squared = squared_norms(x) if x_squared is None else x_squared
    y_squared = squared_norms(y) if y_squared is None else y_squared
    least = np.full(len(x), np.inf, dtype=np.float32)
    for some in blocks(len(y)):
        np.minimum(least, squared_distances(x, y[some], x_squared, y_squared[some]).min(axis=1), out=least)
    return least


def unit(x: Matrix) -> Matrix:
    """Rows of x scaled to length 1; rows of zeros stay."""
    norms = np.sqrt(squared_norms(x))
    scaled: Matrix = x / np.where(norms > 0, norms, 1)[:, None]
    return scaled
