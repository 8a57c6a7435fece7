"""Greedy maximisation of kernel coverage.

A set S of points covers a point y with max over s in S of K(s, y). The value of S is Σ_y u(y) cover(y), where u are
the weights of the points. Each greedy step adds the point that raises the value most. The steps are exact: after a
step, the gains of the other points change only through those points y whose cover has risen. Where some points are
covered from the start, only near pairs count, and only these are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Index, Matrix, squared_distances, squared_norms, to_nearest
from ml_backend.learning.numerics.near_pairs import MOST_PAIRS, NearPairs, near_pairs
from ml_backend.learning.numerics.ranking import first_highest
from ml_backend.learning.numerics.threads import HELD_BYTES, over_blocks, over_each

Kernel: TypeAlias = Callable[[Matrix], Matrix]
"""Maps squared distances (n, t) float32 to kernel values (n, t) float32; it may overwrite its argument.

Values are between 0 and 1 and never rise with the distance.
"""

COLUMNS = 512
"""Number of kernel columns that are computed in one step."""

DENSE = 12
"""With more than 1/DENSE of all pairs, the kernel matrix takes less time than a list of pairs."""


def rbf(bandwidth: float) -> Kernel:
    """Returns the Gaussian kernel exp(−d² / bandwidth²).

    bandwidth: in the unit of the distances, above 0. The kernel maps squared distances d² (n, t) float32 to values
    (n, t) float32 and overwrites its argument.
    """
    gamma = np.float32(1 / bandwidth**2)

    def kernel(d: Matrix) -> Matrix:
        d *= -gamma
        return np.exp(d, out=d)

    return kernel


def greedy_cover(
    x: Matrix,
    covered_by: Matrix,
    kernel: Kernel,
    count: int,
    rng: np.random.Generator,
    weights: Matrix | None = None,
) -> NDArray[np.int64]:
    """Choose `count` points that maximise the weighted kernel coverage greedily.

    x: (n, D) float32, the points; each of them may be chosen and is to be covered.
    covered_by: (t, D) float32, further points that cover from the start; t may be 0.
    kernel: maps squared distances to values between 0 and 1.
    count: number of points to choose, from 1 to n.
    rng: decides between points whose gains are equal.
    weights: (n,) float32, the weights u, at least 0; by default all are 1.

    Returns positions (count,) int64 in x without repeats, in the order in which they were chosen.
    Nemhauser, Wolsey, Fisher: An Analysis of Approximations for Maximizing Submodular Set Functions I, Mathematical
    Programming 1978.
    """
    n = len(x)
    if len(covered_by):
        pairs = near_pairs(x, to_nearest_centre(x, covered_by), min(MOST_PAIRS, n * n // DENSE))
        if pairs is not None:
            return greedy_cover_of_pairs(pairs, kernel, count, rng, weights)
    u = np.ones(n, dtype=np.float32) if weights is None else weights
    return _greedy(_GainsOfAll(x, covered_by, kernel, u), count, rng)


def greedy_cover_of_pairs(
    pairs: NearPairs, kernel: Kernel, count: int, rng: np.random.Generator, weights: Matrix | None = None
) -> NDArray[np.int64]:
    """Choose what `greedy_cover` chooses, from the near pairs of the points with `covered_by` as centres."""
    u = np.ones(len(pairs.to_centre), dtype=np.float32) if weights is None else weights
    return _greedy(_GainsOfPairs(pairs, kernel, u), count, rng)


def _greedy(gains: _GainsOfPairs | _GainsOfAll, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    n = len(gains.gain)
    # Two points that cover only each other have the same gain; rounding must not decide between them.
    tie_tolerance = 2e-6 * gains.gain.max()
    rank, is_free = rng.permutation(n), np.ones(n, dtype=bool)
    picks: list[int] = []
    while True:
        pick = first_highest(np.where(is_free, gains.gain, -np.inf), rank, tie_tolerance)
        picks.append(pick)
        is_free[pick] = False
        if len(picks) == count:
            return np.array(picks, dtype=np.int64)
        gains.choose(pick)


class _GainsOfPairs:
    """Gains of points of which each covers few others; gain: (n,) float64, that of each point if it were chosen next.

    pairs: the near pairs of the points; u: (n,) float32, their weights.
    """

    def __init__(self, pairs: NearPairs, kernel: Kernel, u: Matrix) -> None:
        from scipy.sparse import csr_array

        self.u, self.cover, n = u, kernel(pairs.to_centre.copy()), len(u)
        k, counts = kernel(pairs.squared.copy()), np.diff(pairs.starts)
        counts_more = (k > np.repeat(self.cover, counts)) & np.repeat(u > 0, counts)
        self.by, self.k = pairs.by[counts_more], k[counts_more]
        self.starts = np.concatenate([[0], np.cumsum(counts_more)])[pairs.starts]
        # The same pairs by the point that covers, to look up what a chosen point covers.
        by_pick = csr_array((self.k, self.by, self.starts), shape=(n, n)).tocsc()
        self.pick_starts, self.covered, self.pick_k = by_pick.indptr, by_pick.indices, by_pick.data
        self.gain = self._summed(np.arange(n), np.ones(n, dtype=np.float32))

    def choose(self, pick: int) -> None:
        """Add the point `pick` to those that cover, and update the gains."""
        pairs = slice(self.pick_starts[pick], self.pick_starts[pick + 1])
        raised, cover = self.covered[pairs], self.pick_k[pairs]
        is_raised = cover > self.cover[raised]
        raised, cover = raised[is_raised], cover[is_raised]
        self.gain -= self._summed(raised, cover)
        self.cover[raised] = cover

    def _summed(self, y: NDArray[np.integer[Any]], high: Matrix) -> NDArray[np.float64]:
        """Returns what `_summed` returns, for y (m,) and the cover high (m,) float32 of these points."""
        starts = self.starts[y]
        counts = self.starts[y + 1] - starts
        at = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        low = self.cover[y]
        k = np.minimum(self.k[at], np.repeat(high, counts))
        k -= np.repeat(low, counts)
        np.maximum(k, 0, out=k)
        k *= np.repeat(self.u[y], counts)
        total: NDArray[np.float64] = np.bincount(self.by[at], weights=k, minlength=len(self.u)).astype(np.float64)
        return total


class _GainsOfAll:
    """Gains of points of which each covers many others, from the kernel matrix; gain: as in `_GainsOfPairs`.

    x, covered_by, kernel: those of `greedy_cover`; u: (n,) float32, the weights of the points.
    """

    def __init__(self, x: Matrix, covered_by: Matrix, kernel: Kernel, u: Matrix) -> None:
        self.columns, self.u = _Columns(x, kernel), u
        self.cover = kernel(to_nearest_centre(x, covered_by)) if len(covered_by) else np.zeros(len(x), dtype=np.float32)
        # A point with cover 1 cannot be covered better, so it adds to no gain.
        open_points = np.flatnonzero((self.cover < 1) & (u > 0))
        self.gain = _summed(self.columns, open_points, u, self.cover, np.ones_like(self.cover))

    def choose(self, pick: int) -> None:
        """Add the point `pick` to those that cover, and update the gains."""
        cover_by_pick = self.columns(np.array([pick]), slice(0, len(self.u)))[0]
        # A point covers itself with 1, even if its computed distance to itself is not exactly 0.
        cover_by_pick[pick] = 1.0
        raised = np.flatnonzero(cover_by_pick > self.cover)
        self.gain -= _summed(self.columns, raised, self.u, self.cover, cover_by_pick)
        self.cover[raised] = cover_by_pick[raised]


class _Columns:
    """Columns of the kernel matrix of x (n, D) float32.

    All columns are computed once and kept if they take no more than `HELD_BYTES`; else they are computed on demand.
    """

    def __init__(self, x: Matrix, kernel: Kernel) -> None:
        self.x, self.kernel, self.squared = x, kernel, squared_norms(x)
        self.stored: Matrix | None = None
        if 4 * len(x) ** 2 <= HELD_BYTES:
            self.stored = self._all()

    def __call__(self, y: NDArray[np.int64], rows: slice) -> Matrix:
        """Returns K(x[y], x[rows]), a copy of shape (len(y), len(rows)), float32."""
        if self.stored is not None:
            return self.stored[y, rows]
        return self._compute(y, rows)

    def _compute(self, y: Index, rows: slice) -> Matrix:
        x, squared = self.x, self.squared
        return self.kernel(squared_distances(x[y], x[rows], squared[y], squared[rows]))

    def _all(self) -> Matrix:
        n, size = len(self.x), 1024
        stored = np.empty((n, n), dtype=np.float32)

        def fill(corner: tuple[int, int]) -> None:
            y, rows = (slice(start, start + size) for start in corner)
            stored[y, rows] = self._compute(y, rows)
            if y != rows:
                stored[rows, y] = stored[y, rows].T

        over_each(fill, [(y, rows) for y in range(0, n, size) for rows in range(y, n, size)])
        return stored


def to_nearest_centre(x: Matrix, centres: Matrix) -> Matrix:
    """Returns the squared distance (n,) float32 of each point of x (n, D) to the nearest of the centres (t, D)."""
    squared, centre_squared = np.empty(len(x), dtype=np.float32), squared_norms(centres)

    def fill(block: slice) -> None:
        squared[block] = to_nearest(x[block], centres, y_squared=centre_squared)

    over_blocks(fill, len(x))
    return squared


def _summed(columns: _Columns, y: NDArray[np.int64], u: Matrix, low: Matrix, high: Matrix) -> NDArray[np.float64]:
    """Returns Σ_y u(y) (min(max(K(x, y), low(y)), high(y)) − low(y)) for every point x, (n,) float64.

    y: (m,) int64, the points to sum over; u, low, high: (n,) float32.
    With low = cover and high = 1 this is the gain of x, Σ_y u(y) max(K(x, y) − cover(y), 0). With low and high the
    cover before and after a point has been chosen, it is the amount by which that choice lowers the gain of x.
    """
    total = np.zeros(len(u))

    def add(block: slice) -> None:
        for start in range(0, len(y), COLUMNS):
            block_columns = y[start : start + COLUMNS]
            k = columns(block_columns, block)
            np.maximum(k, low[block_columns, None], out=k)
            np.minimum(k, high[block_columns, None], out=k)
            k -= low[block_columns, None]
            total[block] += u[block_columns] @ k

    over_blocks(add, len(total))
    return total
