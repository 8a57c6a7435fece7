"""The labels whose texts are nearest to some others, for people who judge a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 50
"""Rows that are compared with all labels by one matrix product, which takes 20 MB for 100,000 labels."""


@dataclass(frozen=True)
class Neighbour:
    """A label. row: its number; similarity: cosine of the angle between its text's vector and the other one."""

    row: int
    similarity: float


def nearest_labels(X: NDArray[np.floating[Any]], rows: NDArray[np.integer[Any]], k: int = 3) -> list[list[Neighbour]]:
    """The k nearest of all other labels, the nearest first, for each of these rows; fewer if there are fewer labels.

    X: (n, D), vectors of the texts of all labels; rows: (m,) row numbers. A row of zeros has similarity 0 to all.
    """
    if not len(rows):
        return []
    length = np.maximum(np.sqrt(np.einsum("ij,ij->i", X, X)), np.finfo(np.float32).tiny)
    found = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        chunk = rows[start : start + ROWS_AT_ONCE]
        similarity = (X[chunk] / length[chunk, None]) @ X.T / length
        similarity[np.arange(len(chunk)), chunk] = -np.inf
        columns = _largest(similarity, min(k, len(X) - 1))
        nearest = np.clip(np.take_along_axis(similarity, columns, axis=1), -1.0, 1.0)
        found += [
            [Neighbour(row, value) for row, value in zip(*pair, strict=True)]
            for pair in zip(columns.tolist(), nearest.tolist(), strict=True)
        ]
    return found


def _largest(values: NDArray[np.floating[Any]], k: int) -> NDArray[np.int64]:
    """The columns of the k largest values of each row, the largest first, without sorting all of them."""
    columns = np.argpartition(-values, k, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
