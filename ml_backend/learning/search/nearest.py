"""Cosine similarities of rows to one vector, or to the nearest of many, in blocks that bound the memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Matrix, squared_norms, unit
from ml_backend.learning.numerics.ranking import highest
from ml_backend.learning.numerics.threads import blocks, over_blocks


def cosines(embeddings: Matrix, vector: Matrix) -> Matrix:
    """Returns the cosine (N,) float32 of each row of embeddings (N, D) float32 with a vector (D,) float32.

    It is 0 for a row of zeros, and for a vector of zeros.
    """
    similar = np.empty(len(embeddings), dtype=np.float32)
    length = np.sqrt(float(vector @ vector))
    direction = vector / np.float32(length or 1.0)

    def fill(block: slice) -> None:
        rows = embeddings[block]
        lengths = np.sqrt(squared_norms(rows))
        similar[block] = (rows @ direction) / np.where(lengths > 0, lengths, 1)

    over_blocks(fill, len(embeddings))
    return similar


def cosines_to_nearest(embeddings: Matrix, rows: NDArray[np.int64], others: NDArray[np.int64]) -> Matrix:
    """Returns the highest cosine (n,) float32 of each row at `rows` with any of the rows at `others`, exact.

    embeddings: (N, D) float32; rows: (n,) int64; others: (m,) int64, at least one.
    """
    nearest = np.full(len(rows), -np.inf, dtype=np.float32)
    compared = unit(embeddings[others])

    def fill(block: slice) -> None:
        own = unit(embeddings[rows[block]])
        for part in blocks(len(compared)):
            np.maximum(nearest[block], (own @ compared[part].T).max(axis=1), out=nearest[block])

    over_blocks(fill, len(rows))
    return nearest


def cosines_to_mean(embeddings: Matrix, rows: NDArray[np.int64]) -> Matrix:
    """Returns the cosine (n,) float32 of each row at `rows` (n,) int64, at least one, with the mean direction of them.

    embeddings: (N, D) float32.
    """
    total = np.zeros(embeddings.shape[1], dtype=np.float64)
    for block in blocks(len(rows)):
        total += unit(embeddings[rows[block]]).sum(axis=0, dtype=np.float64)
    return cosines(embeddings[rows], total.astype(np.float32))


def ranked(scores: Matrix, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Returns positions (min(n, count),) int64 in `scores` (n,) of the highest, the highest first.

    rows: (n,) int64, of equal scores the lower row comes first.
    """
    count = min(count, len(scores))
    return highest(scores, count, rows) if count else np.empty(0, dtype=np.int64)
