"""Pairs of points that are closer to each other than one of them is to its nearest centre.

Only these pairs count for coverage: where a centre covers a point y, another point x covers y better only if it is
closer to y than the centre is. The pairs do not depend on the kernel, and no pair is added when centres are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import ROUNDING, Matrix, squared_norms
from ml_backend.learning.numerics.threads import over_each

MOST_PAIRS = 8_000_000
"""Largest number of pairs that are stored: they take 64 MB, and four times as much while they are collected."""

SIDE = 1024
"""Rows and columns of the distances that are computed in one step."""

SAMPLED_ROWS = 128
"""Rows from which the number of pairs is estimated."""


@dataclass(frozen=True)
class NearPairs:
    """The pairs (x, y) of n points with d(x, y) < d(y, nearest centre), by y; x = y is one of them.

    The pairs of y have the positions starts[y] to starts[y + 1] in `by` and `squared`.
    to_centre: (n,) float32, the squared distance of each point to the nearest centre.
    starts: (n + 1,) int64.
    by: (pairs,) int32, the points x; squared: (pairs,) float32, the squared distances d(x, y)².
    slack: the squared distances of a pair may exceed to_centre by this much, since both are rounded.
    """

    to_centre: Matrix
    starts: NDArray[np.int64]
    by: NDArray[np.int32]
    squared: Matrix
    slack: float

    def with_centres(self, to_added: Matrix) -> NearPairs:
        """The pairs left with further centres; to_added: (n,) float32, squared distances to the nearest of these."""
        to_centre = np.minimum(self.to_centre, to_added)
        reach = to_centre + np.float32(self.slack)
        return replace(self._kept(self.squared < np.repeat(reach, self._counts)), to_centre=to_centre)

    def among(self, points: NDArray[np.int64]) -> NearPairs:
        """The pairs of which both points are in `points` (m,) int64, ascending; these get the numbers 0 to m − 1."""
        n, m = len(self.to_centre), len(points)
        if m == n:
            return self
        number = np.full(n, -1, dtype=np.int32)
        number[points] = np.arange(m, dtype=np.int32)
        by = number[self.by]
        kept = self._kept((by >= 0) & np.repeat(number >= 0, self._counts))
        starts = np.concatenate([kept.starts[points], kept.starts[-1:]])
        return NearPairs(self.to_centre[points], starts, number[kept.by], kept.squared, self.slack)

    @property
    def _counts(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    def _kept(self, is_kept: NDArray[np.bool_]) -> NearPairs:
        before = np.concatenate([[0], np.cumsum(is_kept)])
        return replace(self, starts=before[self.starts], by=self.by[is_kept], squared=self.squared[is_kept])


def near_pairs(x: Matrix, to_centre: Matrix, most: int = MOST_PAIRS) -> NearPairs | None:
    """The near pairs of the rows of x (n, D) float32, or None where they are about more than `most`.

    to_centre: (n,) float32, the squared distance of each row to the nearest centre; infinite without centres.
    """
    squared = squared_norms(x)
    slack = 4 * ROUNDING * float(squared.max(initial=0.0))
    half: Matrix = np.float32(0.5) * squared
    # d(x, y)² < to_centre(y) + slack, where d² = −2 (x·y − |x|²/2 − |y|²/2)
    least: Matrix = np.float32(-0.5) * (to_centre + np.float32(slack))
    if _estimated(x, half, least) > most:
        return None
    found: dict[tuple[int, int], list[tuple[NDArray[np.int32], NDArray[np.int32], Matrix]]] = {}

    def collect(corner: tuple[int, int]) -> None:
        i, j = (slice(start, start + SIDE) for start in corner)
        minus_half = x[i] @ x[j].T
        minus_half -= half[j]
        minus_half -= half[i, None]
        if corner[0] == corner[1]:
            np.fill_diagonal(minus_half, 0)  # the distance of a point to itself, which is rounded, is exactly 0
        found[corner] = [_above(minus_half, least[j], corner, by_row=True)]
        if corner[0] != corner[1]:
            found[corner].append(_above(minus_half, least[i], corner, by_row=False))

    n = len(x)
    corners = [(i, j) for i in range(0, n, SIDE) for j in range(i, n, SIDE)]
    over_each(collect, corners)
    parts = [part for corner in corners for part in found.pop(corner)]
    return _by_point(parts, to_centre, slack)


def _estimated(x: Matrix, half: Matrix, least: Matrix) -> float:
    """About how many pairs there are, counted at evenly spaced rows."""
    rows = np.unique(np.linspace(0, len(x) - 1, min(SAMPLED_ROWS, len(x))).astype(np.int64))
    count = 0
    for start in range(0, len(x), 8 * SIDE):
        block = slice(start, start + 8 * SIDE)
        minus_half = x[rows] @ x[block].T
        minus_half -= half[block]
        count += int(np.count_nonzero(minus_half > (least + half)[rows, None]))
    return count * (len(x) / max(1, len(rows)))


def _above(
    minus_half: Matrix, least: Matrix, corner: tuple[int, int], by_row: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32], Matrix]:
    """The points x and y and squared distances of the pairs in a block of −d²/2; by_row: its rows are x, else y."""
    at = np.flatnonzero(minus_half > (least if by_row else least[:, None]))
    row, column = np.divmod(at, minus_half.shape[1])
    row, column = (row + corner[0]).astype(np.int32), (column + corner[1]).astype(np.int32)
    distances = np.maximum(-2 * minus_half.ravel()[at], 0)
    return (row, column, distances) if by_row else (column, row, distances)


def _by_point(
    parts: list[tuple[NDArray[np.int32], NDArray[np.int32], Matrix]], to_centre: Matrix, slack: float
) -> NearPairs:
    from scipy.sparse import coo_array

    by, y, squared = (np.concatenate(column) for column in zip(*parts, strict=True))
    n = len(to_centre)
    sorted_pairs = coo_array((squared, (y, by)), shape=(n, n)).tocsr()
    starts, by = sorted_pairs.indptr.astype(np.int64), sorted_pairs.indices.astype(np.int32, copy=False)
    return NearPairs(to_centre, starts, by, sorted_pairs.data, slack)
