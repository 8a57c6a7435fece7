"""How far every row is from the nearest of a growing set of centres, kept up to date only where somebody looks.

Distances to the nearest centre only fall as centres are added. A row's old distance is therefore an upper bound, and
greedy or random choices among rows are exact once the few rows that could be chosen have been looked at. All rows are
brought up to date when the number of centres has doubled: one matrix product for many centres instead of a pass over
the pool for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Index, Matrix, squared_norms
from ml_backend.learning.numerics.threads import blocks, over_blocks


class Points:
    """n points, each the outer product of its rows in one or more factors, which is never built.

    factors: functions from positions to rows, (len, d) float32 each.
    squared: (n,) float32, squared norms.
    """

    def __init__(self, n: int, *factors: Callable[[Index], Matrix]) -> None:
        self.factors = factors
        self.squared = np.ones(n, dtype=np.float32)
        self.take(slice(0, 0))  # so that what a factor computes once is computed before there are threads

        def norms(block: slice) -> None:
            for rows in self.take(block):
                self.squared[block] *= squared_norms(rows)

        over_blocks(norms, n)

    def __len__(self) -> int:
        return len(self.squared)

    def take(self, index: Index) -> list[Matrix]:
        """The rows of some points in each factor."""
        return [factor(index) for factor in self.factors]

    def to_nearest(self, index: Index, centres: Sequence[Matrix], squared: Matrix) -> Matrix:
        """Squared distances (len,) of some points to the nearest of t centres, given by their rows in each factor.

        squared: (t,) the centres' squared norms. By blocks of centres, as there may be as many as labelled texts.
        """
        taken, own = self.take(index), self.squared[index][:, None]
        least = np.full(len(own), np.inf, dtype=np.float32)
        for some in blocks(len(squared)):
            first, *others = (rows @ centre[some].T for rows, centre in zip(taken, centres, strict=True))
            for other in others:
                first *= other
            first *= -2
            first += squared[some]
            first += own
            np.minimum(least, first.min(axis=1), out=least)
        distances: Matrix = np.maximum(least, 0, out=least)
        return distances


class Nearest:
    """Squared distances of points to the nearest centre.

    bound: (n,) float32, at least that distance, and exactly that where `current`; infinite while there is no centre.
    Whoever sets a bound lower takes a point out.
    """

    def __init__(self, points: Points) -> None:
        self.points = points
        self.bound = np.full(len(points), np.inf, dtype=np.float32)
        self._seen = np.zeros(len(points), dtype=np.int64)
        self._all_seen = 0
        self._centres = [rows[:0] for rows in points.take(slice(0, 0))]
        self._squared = np.empty(0, dtype=np.float32)
        self._count = 0

    def add(self, centres: Sequence[Matrix]) -> None:
        """Add t centres, given by their rows in each factor of the points, (t, d) float32 each."""
        t = len(centres[0])
        while self._count + t > len(self._squared):
            room = max(2 * len(self._squared), self._count + t)
            self._centres = [
                np.resize(old, (room, new.shape[1])) for old, new in zip(self._centres, centres, strict=True)
            ]
            self._squared = np.resize(self._squared, room)
        at = slice(self._count, self._count + t)
        self._squared[at] = 1.0
        for mine, new in zip(self._centres, centres, strict=True):
            mine[at] = new
            self._squared[at] *= squared_norms(new)
        self._count += t
        if self._count >= 2 * self._all_seen:
            self._look_at_all()

    def add_point(self, position: int) -> None:
        """Add one of the points as a centre."""
        self.add(self.points.take(np.array([position])))

    def current(self, position: int) -> bool:
        """Whether the bound of a point is its distance."""
        return bool(self._seen[position] == self._count or self.bound[position] == 0)

    def look(self, position: int) -> None:
        """Bring the bound of a point up to date."""
        index = np.array([position])
        self.bound[position] = min(self.bound[position], self._to_nearest(index, int(self._seen[position]))[0])
        self._seen[position] = self._count

    def _to_nearest(self, index: Index, since: int) -> Matrix:
        centres = [rows[since : self._count] for rows in self._centres]
        return self.points.to_nearest(index, centres, self._squared[since : self._count])

    def _look_at_all(self) -> None:
        def look(block: slice) -> None:
            np.minimum(self.bound[block], self._to_nearest(block, self._all_seen), out=self.bound[block])

        over_blocks(look, len(self.points))
        self._all_seen = self._count
        self._seen[:] = self._count


def sample_squared_distance(points: Points, count: int, first: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """k-means++ (D²) sampling: after `first`, each next point with probability ∝ its squared distance to the nearest.

    Positions (count,) int64 without repeats; uniform among the rest once all distances are 0. A draw is a race: of
    exponential times divided by the weights the smallest wins (Efraimidis, Spirakis 2006), so that rounding of sums
    cannot move it, and a bound on the weight is a bound on the time.
    """
    nearest = Nearest(points)
    picks = [first]
    free = np.ones(len(points), dtype=bool)
    while len(picks) < count:
        nearest.add_point(picks[-1])
        free[picks[-1]] = False
        race = rng.standard_exponential(len(points), dtype=np.float32)
        race[~free] = np.inf
        with np.errstate(divide="ignore", over="ignore"):
            time = race / nearest.bound
        winner = int(time.argmin())
        while not nearest.current(winner):
            nearest.look(winner)
            with np.errstate(divide="ignore", over="ignore"):
                time[winner] = race[winner] / nearest.bound[winner]
            winner = int(time.argmin())
        picks.append(winner if np.isfinite(time[winner]) else int(race.argmin()))
    return np.array(picks, dtype=np.int64)
