"""Greedy maximisation of kernel coverage.

A set S of points covers a point y with max over s in S of K(s, y). The value of S is Σ_y u(y) cover(y), where u are
the weights of the points. Each greedy step adds the point that raises the value most. The steps are exact, and the
whole kernel matrix is not needed: after a step, the gains of the other points change only through those points y
whose cover has risen, so only their columns of the kernel are computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Index, Matrix, squared_distances, squared_norms, to_nearest
from ml_backend.learning.numerics.ranking import first_highest
from ml_backend.learning.numerics.threads import HELD_BYTES, over_blocks, over_each

Kernel: TypeAlias = Callable[[Matrix], Matrix]
"""Maps squared distances (n, t) float32 to kernel values (n, t) float32; it may overwrite its argument.

Values are between 0 and 1 and never rise with the distance.
"""

COLUMNS = 512
"""Number of kernel columns that are computed in one step."""


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
    u = np.ones(n, dtype=np.float32) if weights is None else weights
    columns = _Columns(x, kernel)
    cover = _cover(x, covered_by, kernel)
    # A point with cover 1 cannot be covered better, so it adds to no gain.
    gain = _summed(columns, np.flatnonzero((cover < 1) & (u > 0)), u, cover, np.ones_like(cover))
    # Two points that cover only each other have the same gain; rounding must not decide between them.
    tie_tolerance = 2e-6 * gain.max()
    rank, is_free = rng.permutation(n), np.ones(n, dtype=bool)
    picks: list[int] = []
    while True:
        pick = first_highest(np.where(is_free, gain, -np.inf), rank, tie_tolerance)
        picks.append(pick)
        is_free[pick] = False
        if len(picks) == count:
            return np.array(picks, dtype=np.int64)
        cover_by_pick = columns(np.array([pick]), slice(0, n))[0]
        # A point covers itself with 1, even if its computed distance to itself is not exactly 0.
        cover_by_pick[pick] = 1.0
        raised = np.flatnonzero(cover_by_pick > cover)
        gain -= _summed(columns, raised, u, cover, cover_by_pick)
        cover[raised] = cover_by_pick[raised]


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


def _cover(x: Matrix, centres: Matrix, kernel: Kernel) -> Matrix:
    """Returns the cover (n,) float32 of each point of x (n, D) by the centres (t, D); 0 where t is 0."""
    cover = np.zeros(len(x), dtype=np.float32)
    if len(centres):
        centre_squared = squared_norms(centres)

        def fill(block: slice) -> None:
            # The kernel never rises with the distance, so the nearest centre covers most.
            cover[block] = kernel(to_nearest(x[block], centres, y_squared=centre_squared))

        over_blocks(fill, len(x))
    return cover


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
