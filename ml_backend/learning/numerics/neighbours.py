"""Squared distances of points to the nearest of a growing set of centres, updated lazily.

A point's distance to the nearest centre only falls as centres are added, so its old distance is an upper bound. A
greedy or random choice among the points is exact if only the few points that could be chosen are updated. All points
are updated when the number of centres has doubled: one matrix product for many centres replaces one pass over all
points for each centre.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import ROUNDING, Index, Matrix, squared_norms
from ml_backend.learning.numerics.threads import blocks, over_blocks


class Points:
    """n points; each is the outer product of its rows in one or more factors, and the product is never computed.

    factors: functions that map m positions in 0..n-1 to rows (m, d) float32; d may differ between the factors.
    squared: (n,) float32, the squared norms of the points.
    """

    def __init__(self, n: int, *factors: Callable[[Index], Matrix]) -> None:
        self.factors = factors
        self.squared = np.ones(n, dtype=np.float32)
        self.take(slice(0, 0))  # a factor that caches something then fills its cache before threads use it

        def norms(block: slice) -> None:
            for rows in self.take(block):
                self.squared[block] *= squared_norms(rows)

        over_blocks(norms, n)

    def __len__(self) -> int:
        return len(self.squared)

    def take(self, index: Index) -> list[Matrix]:
        """Returns the rows (m, d) float32 of the m points at `index`, one array per factor."""
        return [factor(index) for factor in self.factors]

    def to_nearest(self, index: Index, centres: Sequence[Matrix], squared: Matrix) -> Matrix:
        """Returns the squared distances (m,) float32 of the m points at `index` to the nearest of t centres.

        centres: rows (t, d) float32 of the centres, one array per factor; squared: (t,) float32, their squared norms.
        Centres are processed in blocks, which bounds the memory when there are many of them.
        """
        point_rows, own_squared = self.take(index), self.squared[index][:, None]
        least = np.full(len(own_squared), np.inf, dtype=np.float32)
        for block in blocks(len(squared)):
            first, *others = (rows @ centre[block].T for rows, centre in zip(point_rows, centres, strict=True))
            for other in others:
                first *= other
            first *= -2
            first += squared[block]
            first += own_squared
            np.minimum(least, first.min(axis=1), out=least)
        # Rounding leaves a small distance between equal points; it is 0, so that none is chosen as if it were new.
        least[least < ROUNDING * own_squared[:, 0]] = 0
        return least


class Nearest:
    """Squared distances of n points to the nearest centre, as upper bounds that are updated on demand.

    bound: (n,) float32, at least the squared distance, and equal to it where `current` is true; infinite while there
    is no centre. A caller excludes a point from a search by setting its bound lower.
    """

    def __init__(self, points: Points) -> None:
        self.points = points
        self.bound = np.full(len(points), np.inf, dtype=np.float32)
        self._centres_seen = np.zeros(len(points), dtype=np.int64)
        self._centres_seen_by_all = 0
        self._centres = [rows[:0] for rows in points.take(slice(0, 0))]
        self._squared = np.empty(0, dtype=np.float32)
        self._count = 0

    def add(self, centres: Sequence[Matrix]) -> None:
        """Add t centres; centres: their rows (t, d) float32, one array per factor of the points."""
        t = len(centres[0])
        while self._count + t > len(self._squared):
            capacity = max(2 * len(self._squared), self._count + t)
            self._centres = [
                np.resize(old, (capacity, new.shape[1])) for old, new in zip(self._centres, centres, strict=True)
            ]
            self._squared = np.resize(self._squared, capacity)
        added = slice(self._count, self._count + t)
        self._squared[added] = 1.0
        for stored, new in zip(self._centres, centres, strict=True):
            stored[added] = new
            self._squared[added] *= squared_norms(new)
        self._count += t
        if self._count >= 2 * self._centres_seen_by_all:
            self._update_all()

    def add_point(self, position: int) -> None:
        """Add the point at that position as a centre."""
        self.add(self.points.take(np.array([position])))

    def current(self, position: int) -> bool:
        """Returns whether the bound of a point equals its squared distance to the nearest centre."""
        return bool(self._centres_seen[position] == self._count or self.bound[position] == 0)

    def update(self, position: int) -> None:
        """Update the bound of a point to its squared distance to the nearest centre."""
        index = np.array([position])
        self.bound[position] = min(self.bound[position], self._to_nearest(index, int(self._centres_seen[position]))[0])
        self._centres_seen[position] = self._count

    def _to_nearest(self, index: Index, since: int) -> Matrix:
        centres = [rows[since : self._count] for rows in self._centres]
        return self.points.to_nearest(index, centres, self._squared[since : self._count])

    def _update_all(self) -> None:
        def update_block(block: slice) -> None:
            np.minimum(self.bound[block], self._to_nearest(block, self._centres_seen_by_all), out=self.bound[block])

        over_blocks(update_block, len(self.points))
        self._centres_seen_by_all = self._count
        self._centres_seen[:] = self._count


def sample_squared_distance(points: Points, count: int, first: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw points by k-means++ (D²) sampling.

    The first point is `first`. Each next one is drawn with a probability proportional to its squared distance to the
    nearest point drawn so far; once all these distances are 0, uniformly among the remaining points.
    count: number of points to draw, from 1 to n.

    Returns positions (count,) int64 without repeats, in the order in which they were drawn.
    A draw takes the smallest of exponential random times, each divided by the point's weight (Efraimidis, Spirakis:
    Weighted Random Sampling with a Reservoir, 2006). So no sum of weights is needed whose rounding could change the
    draw, and an upper bound on a weight gives a lower bound on its time.
    Arthur, Vassilvitskii: k-means++: The Advantages of Careful Seeding, SODA 2007.
    """
    nearest = Nearest(points)
    picks = [first]
    is_free = np.ones(len(points), dtype=bool)
    while len(picks) < count:
        nearest.add_point(picks[-1])
        is_free[picks[-1]] = False
        arrivals = rng.standard_exponential(len(points), dtype=np.float32)
        arrivals[~is_free] = np.inf
        with np.errstate(divide="ignore", over="ignore"):
            times = arrivals / nearest.bound
        winner = int(times.argmin())
        while not nearest.current(winner):
            nearest.update(winner)
            with np.errstate(divide="ignore", over="ignore"):
                times[winner] = arrivals[winner] / nearest.bound[winner]
            winner = int(times.argmin())
        picks.append(winner if np.isfinite(times[winner]) else int(arrivals.argmin()))
    return np.array(picks, dtype=np.int64)
