"""Greedy choice of the points whose kernels cover the most, for max_herding, uherding and probcover.

The cover of a point y by a set S is max over s in S of K(s, y); a set is worth Σ_y u(y) cover(y). Greedy takes the
point that adds most. That is exact here, and needs no kernel matrix: when a point is taken, only those y whose cover
it raises change what others would add, and only their columns of the kernel are computed again.
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
"""From squared distances to kernel values, in place or not; 0 ≤ K ≤ 1, and nowhere rising with the distance."""

COLUMNS = 512
"""Columns of the kernel at a time."""


def rbf(bandwidth: float) -> Kernel:
    """The kernel exp(−d² / bandwidth²) as a function of squared distances d², in place."""
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
    """Positions (count,) int64 of the points that greedily add most cover, best first; ties by the generator.

    x: (n, D) points, both what may be taken and what is to be covered; covered_by: (t, D) what covers already;
    weights: u, (n,) at least 0, 1 by default.
    """
    n = len(x)
    u = np.ones(n, dtype=np.float32) if weights is None else weights
    columns = _Columns(x, kernel)
    cover = _cover(x, covered_by, kernel)
    # What is covered whole gains nothing from anybody.
    gain = _summed(columns, np.flatnonzero((cover < 1) & (u > 0)), u, cover, np.ones_like(cover))
    # Two points that cover only each other add the same, whatever rounding makes of it.
    equal = 2e-6 * gain.max()
    rank, free = rng.permutation(n), np.ones(n, dtype=bool)
    picks: list[int] = []
    while True:
        pick = first_highest(np.where(free, gain, -np.inf), rank, equal)
        picks.append(pick)
        free[pick] = False
        if len(picks) == count:
            return np.array(picks, dtype=np.int64)
        by_pick = columns(np.array([pick]), slice(0, n))[0]
        # A point covers itself whole, whatever rounding makes of its distance to itself.
        by_pick[pick] = 1.0
        raised = np.flatnonzero(by_pick > cover)
        gain -= _summed(columns, raised, u, cover, by_pick)
        cover[raised] = by_pick[raised]


class _Columns:
    """Columns of the kernel of x; all are computed once and held where that takes no more than `HELD_BYTES`."""

    def __init__(self, x: Matrix, kernel: Kernel) -> None:
        self.x, self.kernel, self.squared = x, kernel, squared_norms(x)
        self.held: Matrix | None = None
        if 4 * len(x) ** 2 <= HELD_BYTES:
            self.held = self._all()

    def __call__(self, y: NDArray[np.int64], rows: slice) -> Matrix:
        """K(x[y], x[rows]), (len(y), len(rows)), a copy."""
        if self.held is not None:
            return self.held[y, rows]
        return self._compute(y, rows)

    def _compute(self, y: Index, rows: slice) -> Matrix:
        x, squared = self.x, self.squared
        return self.kernel(squared_distances(x[y], x[rows], squared[y], squared[rows]))

    def _all(self) -> Matrix:
        n, size = len(self.x), 1024
        held = np.empty((n, n), dtype=np.float32)

        def fill(corner: tuple[int, int]) -> None:
            y, rows = (slice(start, start + size) for start in corner)
            held[y, rows] = self._compute(y, rows)
            if y != rows:
                held[rows, y] = held[y, rows].T

        over_each(fill, [(y, rows) for y in range(0, n, size) for rows in range(y, n, size)])
        return held


def _cover(x: Matrix, centres: Matrix, kernel: Kernel) -> Matrix:
    """How well each point is covered by the centres (t, D), (n,)."""
    cover = np.zeros(len(x), dtype=np.float32)
    if len(centres):
        centre_squared = squared_norms(centres)

        def fill(block: slice) -> None:
            # The nearest centre covers most.
            cover[block] = kernel(to_nearest(x[block], centres, y_squared=centre_squared))

        over_blocks(fill, len(x))
    return cover


def _summed(columns: _Columns, y: NDArray[np.int64], u: Matrix, low: Matrix, high: Matrix) -> NDArray[np.float64]:
    """Σ_y u(y) (K(x, y) between low(y) and high(y), less low(y)) of every point x, (n,).

    With the cover as low and 1 as high that is what x adds, Σ_y u(y) max(K(x, y) − cover(y), 0). With the cover before
    and after a pick it is what x adds less because of the pick.
    """
    total = np.zeros(len(u))

    def add(block: slice) -> None:
        for start in range(0, len(y), COLUMNS):
            some = y[start : start + COLUMNS]
            k = columns(some, block)
            np.maximum(k, low[some, None], out=k)
            np.minimum(k, high[some, None], out=k)
            k -= low[some, None]
            total[block] += u[some] @ k

    over_blocks(add, len(total))
    return total
