"""The first principal components of vectors: a layout that is there at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.threads import BLOCK_ROWS, blocks, one_thread, over_blocks

MOST_DIMENSIONS = 1024
"""Wider vectors are projected at random to this many dimensions first, since the time grows with the cube of them."""


def principal_components(vectors: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> NDArray[np.float32]:
    """Returns (n, k) float32: the scores of the rows on their first k principal components.

    vectors (N, D) float32; rows (n,) int64: those that are used. They are exact, from the covariance of the
    dimensions, up to 1,024 of these. The sign of each component is such that its largest weight is positive. Components
    that the rows do not have, because n or D is too small, are zeros.

    Pearson: On Lines and Planes of Closest Fit to Systems of Points in Space, 1901.
    """
    scores = np.zeros((len(rows), k), dtype=np.float32)
    if not len(rows):
        return scores
    to_fewer = _projection(vectors.shape[1])

    def block_of(block: slice) -> NDArray[np.float32]:
        taken = vectors[rows[block]]
        return taken if to_fewer is None else taken @ to_fewer

    mean, covariance = _moments(block_of, len(rows))
    axes = _first_axes(covariance, k)
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    axes32, shift = axes.astype(np.float32), (mean @ axes).astype(np.float32)

    def score(block: slice) -> None:
        scores[block, : axes.shape[1]] = block_of(block) @ axes32 - shift

    over_blocks(score, len(rows), BLOCK_ROWS)
    return scores


def _moments(
    block_of: Callable[[slice], NDArray[np.float32]], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (D,) and covariance (D, D), float64, of n rows of which block_of returns a block."""
    start = block_of(slice(0, min(n, BLOCK_ROWS))).mean(axis=0)
    parts: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def add(block: slice) -> None:
        # Near their mean the products lose no digits in float32.
        centred = block_of(block) - start
        parts[block.start] = (centred.sum(axis=0, dtype=np.float64), (centred.T @ centred).astype(np.float64))

    over_blocks(add, n, BLOCK_ROWS)
    # In the order of the blocks, so that the sum is the same on any number of threads.
    ordered = [parts[block.start] for block in blocks(n, BLOCK_ROWS)]
    offset = np.sum([total for total, _ in ordered], axis=0) / n
    product = ordered[0][1]
    for _, more in ordered[1:]:
        product += more
    return start + offset, product / n - np.outer(offset, offset)


def _first_axes(covariance: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """(D, k or D): its eigenvectors with the largest eigenvalues, largest first."""
    from scipy.linalg import eigh

    dimensions = len(covariance)
    with one_thread():
        found = eigh(covariance, subset_by_index=(max(0, dimensions - k), dimensions - 1))
    axes: NDArray[np.float64] = found[1][:, ::-1]
    return axes


def _projection(dimensions: int) -> NDArray[np.float32] | None:
    if dimensions <= MOST_DIMENSIONS:
        return None
    rng = np.random.default_rng(0)
    return rng.standard_normal((dimensions, MOST_DIMENSIONS), dtype=np.float32) / np.float32(MOST_DIMENSIONS**0.5)
