"""Pairs of rows that are nearly the same, and the groups that they connect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ml_backend.learning.numerics.distances import Matrix
from ml_backend.learning.numerics.threads import over_each

FIRST_COLUMNS, COLUMNS = 512, 8192
"""Columns that a block of rows is compared with at once; few at first, so that rows with very many partners soon know
how near the nearest ones are."""
ROWS_OF_A_BLOCK = 512


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows, in ascending order of `first`, then the most similar first.

    first, second: (p,) int64; cosine: (p,) float32.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cosine: Matrix


def partners(units: Matrix, start: int, stop: int, least: float, most: int) -> Pairs:
    """Find the most similar rows of each row from `start` to `stop`.

    units: (N, D) float32, rows of length 1; least: the smallest cosine of a pair; most: partners of each row at most,
    of equal ones those with the lower numbers. Two rows each of which is a partner of the other are two pairs.
    """
    edges = list(range(start, stop, ROWS_OF_A_BLOCK))
    found: dict[int, Pairs] = {}

    def fill(edge: int) -> None:
        found[edge] = _partners(units, edge, min(edge + ROWS_OF_A_BLOCK, stop), least, most)

    over_each(fill, edges)
    parts = [found[edge] for edge in edges]
    return Pairs(
        np.concatenate([part.first for part in parts] or [np.empty(0, dtype=np.int64)]),
        np.concatenate([part.second for part in parts] or [np.empty(0, dtype=np.int64)]),
        np.concatenate([part.cosine for part in parts] or [np.empty(0, dtype=np.float32)]),
    )


def _partners(units: Matrix, start: int, stop: int, least: float, most: int) -> Pairs:
    own = units[start:stop]
    # A row takes only what is nearer than the last of its partners so far.
    nearer = np.full(len(own), least, dtype=np.float32)
    kept = Pairs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    column = 0
    while column < len(units):
        columns = slice(column, column + (COLUMNS if column else FIRST_COLUMNS))
        cosine = own @ units[columns].T
        rows, others = np.nonzero(cosine >= nearer[:, None])
        different = rows + start != others + column
        rows, others = rows[different], others[different]
        kept = _nearest(
            Pairs(
                np.concatenate([kept.first, rows]),
                np.concatenate([kept.second, others + column]),
                np.concatenate([kept.cosine, cosine[rows, others]]),
            ),
            most,
        )
        full = np.flatnonzero(np.bincount(kept.first, minlength=len(own)) == most)
        last = np.searchsorted(kept.first, full, side="right") - 1
        nearer[full] = kept.cosine[last]
        column = columns.stop
    return Pairs(kept.first + start, kept.second, kept.cosine)


def _nearest(pairs: Pairs, most: int) -> Pairs:
    """At most so many pairs of each first row, sorted."""
    order = np.lexsort((pairs.second, -pairs.cosine, pairs.first))
    first = pairs.first[order]
    place = np.arange(len(first)) - np.searchsorted(first, first)
    order = order[place < most]
    return Pairs(pairs.first[order], pairs.second[order], pairs.cosine[order])


def connected_groups(n: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the number of the group (n,) int64 of each of n rows; rows that a chain of pairs connects are in one.

    first, second: (p,) int64, the pairs. Groups are numbered in the order of their first rows.
    """
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1].astype(np.int64)
    _, first_rows, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first_rows), dtype=np.int64)
    rank[np.argsort(first_rows)] = np.arange(len(first_rows))
    return rank[inverse]
