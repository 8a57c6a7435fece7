"""Near pairs of the rows of a matrix, kept while centres are added to it and points leave it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.coverage import to_nearest_centre
from ml_backend.learning.numerics.distances import Matrix, unit
from ml_backend.learning.numerics.near_pairs import NearPairs, near_pairs
from ml_backend.learning.numerics.threads import HELD_BYTES

MOST_ROWS = 12_000
"""Rows of the largest matrix whose pairs are kept.

To compute all pairs of this many rows takes as long as those of 5,000 of them for six queries."""


class KeptPairs:
    """Near pairs of some rows of a matrix, the points, with other rows of it as centres; see `NearPairs`.

    Whoever chooses from the same rows several times makes one and gives it to each query. The choice is the same
    without it, except that points whose gains differ only by rounding may change places. It compares each query with
    the one before, drops the pairs that no longer count where centres were added or points left, and computes all pairs
    again where anything else differs, such as an embedding, or a centre that is none any more. It takes a copy of the
    matrix, at most HELD_BYTES, and 8 bytes for each of at most MOST_PAIRS pairs.
    """

    def __init__(self) -> None:
        self._embeddings: NDArray[np.floating[Any]] | None = None
        self._scaled = False
        self._points: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._centres: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._pairs: NearPairs | None = None

    def of(
        self,
        embeddings: NDArray[np.floating[Any]],
        points: NDArray[np.int64],
        centres: NDArray[np.int64],
        scaled: bool,
    ) -> NearPairs | None:
        """The near pairs of the points, by position in `points`, or None where there are too many rows or pairs.

        embeddings: (N, D) of any float type; points (n,) and centres (t,): int64, different rows, both ascending.
        scaled: whether distances are those of embeddings scaled to length 1.
        """
        if not len(centres) or len(embeddings) > MOST_ROWS or embeddings.nbytes > HELD_BYTES:
            return None
        if self._pairs is not None and self._covers(embeddings, points, centres, scaled):
            self._pairs = self._updated(self._pairs, embeddings, points, centres)
        else:
            x = vectors(embeddings, points, scaled)
            self._pairs = near_pairs(x, to_nearest_centre(x, vectors(embeddings, centres, scaled)))
            self._embeddings, self._scaled = embeddings.copy(), scaled
        self._points, self._centres = points, centres
        return self._pairs

    def _covers(
        self,
        embeddings: NDArray[np.floating[Any]],
        points: NDArray[np.int64],
        centres: NDArray[np.int64],
        scaled: bool,
    ) -> bool:
        """Whether all pairs that count are among the kept ones."""
        return (
            self._embeddings is not None
            and scaled == self._scaled
            and _same_bits(self._embeddings, embeddings)
            and bool(np.isin(self._centres, centres, assume_unique=True).all())
            and bool(np.isin(points, self._points, assume_unique=True).all())
        )

    def _updated(
        self,
        pairs: NearPairs,
        embeddings: NDArray[np.floating[Any]],
        points: NDArray[np.int64],
        centres: NDArray[np.int64],
    ) -> NearPairs:
        pairs = pairs.among(np.searchsorted(self._points, points))
        added = np.setdiff1d(centres, self._centres, assume_unique=True)
        if not len(added):
            return pairs
        x = vectors(embeddings, points, self._scaled)
        return pairs.with_centres(to_nearest_centre(x, vectors(embeddings, added, self._scaled)))


def vectors(embeddings: NDArray[np.floating[Any]], rows: NDArray[np.int64], scaled: bool) -> Matrix:
    """The embeddings of `rows` (k,) int64 as (k, D) float32; scaled: each to length 1."""
    x = np.asarray(embeddings[rows], dtype=np.float32)
    return unit(x) if scaled else x


def _same_bits(one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> bool:
    """Whether two arrays are equal; NaN equals NaN, since rows that are neither point nor centre may hold anything."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    bits = f"u{one.dtype.itemsize}"
    return np.array_equal(one.view(bits), other.view(bits))
