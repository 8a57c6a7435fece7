"""Greedy choice of rows by the trace of inverse Fisher information, for bait; every update is of rank one.

The information of a row x is s x xᵀ, D × D. A set of rows is the better, the lower tr(M⁻¹F), M the sum of their
information and of what is known already, F that of all rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Matrix
from ml_backend.learning.numerics.ranking import first_highest, highest
from ml_backend.learning.numerics.threads import over_blocks

AMONG = 1024
"""Rows among which picks are made ahead."""

EQUAL = 1e-6
"""Scores that differ by no more than this share of themselves are equal: float32 sees no difference."""

MOST_AHEAD = 32
"""Picks made ahead at most."""


def scatter(x: Matrix, w: Matrix) -> NDArray[np.float64]:
    """Σ w x xᵀ, (D, D)."""
    total = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), 2048):
        block = x[start : start + 2048] * np.sqrt(w[start : start + 2048, None])
        total += block.T @ block
    return total


class _Information:
    """tr(M⁻¹F) as rows are added to M: M⁻¹ is kept as what it was, less v vᵀ for every row added.

    Adding s x xᵀ lowers the trace by r / (1 + q), where q = s x·M⁻¹x and r = s x·M⁻¹FM⁻¹x.
    """

    def __init__(self, fisher: NDArray[np.float64], inverse: NDArray[np.float64], count: int) -> None:
        self.fisher, self.inverse = fisher, inverse
        self.v, self.u = np.zeros((2, count, len(fisher)))
        self.bend = np.zeros(count)
        self.size = 0

    def start(self, x: Matrix, s: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """q and r of all rows while nothing has been added, (n,) each."""
        q, r = np.empty((2, len(x)))
        inverse = self.inverse.astype(np.float32)
        middle = (self.inverse @ self.fisher @ self.inverse).astype(np.float32)

        def fill(block: slice) -> None:
            q[block] = s[block] * np.einsum("ij,ij->i", x[block] @ inverse, x[block])
            r[block] = s[block] * np.einsum("ij,ij->i", x[block] @ middle, x[block])

        over_blocks(fill, len(x))
        return q, r

    def add(self, x: Matrix, s: float, q: float) -> None:
        """Add a row x (D,) of weight s, whose q is given."""
        removed = self.v[: self.size]
        v = (self.inverse @ x - (removed @ x) @ removed) * np.sqrt(s / (1 + q))
        fv = self.fisher @ v
        self.v[self.size], self.u[self.size] = v, self.inverse @ fv - (removed @ fv) @ removed
        self.bend[self.size] = v @ fv
        self.size += 1

    def changes(self, x: Matrix, s: Matrix, since: int) -> tuple[Matrix, Matrix]:
        """What each addition from `since` on changed in q and r of rows x, (n, additions) each."""
        new = slice(since, self.size)
        xv, xu = (x @ vectors[new].T.astype(np.float32) for vectors in (self.v, self.u))
        return -s[:, None] * xv * xv, s[:, None] * xv * (self.bend[new].astype(np.float32) * xv - 2 * xu)


def add_greedily(
    x: Matrix,
    s: Matrix,
    fisher: NDArray[np.float64],
    inverse: NDArray[np.float64],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Positions (count,) of the rows that greedily lower tr(M⁻¹F) most, M growing by s x xᵀ with each.

    Exact, though each pass over all rows serves several picks: these are made among the rows that were best before,
    and taken back from the first on at which some other row turns out to have been better.
    """
    information = _Information(fisher, inverse, count)
    q, r = information.start(x, s)
    rank, free = rng.permutation(len(x)), np.ones(len(x), dtype=bool)
    picks: list[int] = []
    ahead = 8
    while True:
        score = np.where(free, r / (1 + q), -np.inf)
        near = highest(score, min(AMONG, len(x)), rank)
        others = np.setdiff1d(np.arange(len(x)), near)
        since = information.size
        run: list[int] = []
        lowered: list[float] = []
        near_x, near_s, near_q, near_r = x[near], s[near], q[near], r[near]
        near_free = free[near]
        while len(run) < ahead and len(picks) + len(run) < count:
            near_score = np.where(near_free, near_r / (1 + near_q), -np.inf)
            best = first_highest(near_score, rank[near], EQUAL * float(near_score.max()))
            run.append(int(near[best]))
            lowered.append(near_score[best])
            near_free[best] = False
            information.add(near_x[best], near_s[best], near_q[best])
            dq, dr = information.changes(near_x, near_s, information.size - 1)
            near_q += dq[:, 0]
            near_r += dr[:, 0]
        good = _still_best(information, x, s, q, r, others[free[others]], since, np.array(lowered))
        picks += run[:good]
        free[run[:good]] = False
        information.size = since + good
        if len(picks) == count:
            return np.array(picks)
        ahead = min(2 * ahead, MOST_AHEAD) if good == len(run) else max(2, good)


def _still_best(
    information: _Information,
    x: Matrix,
    s: Matrix,
    q: NDArray[np.float64],
    r: NDArray[np.float64],
    others: NDArray[np.int64],
    since: int,
    lowered: NDArray[np.float64],
) -> int:
    """How many of the last picks no other row would have beaten; q and r are brought up to date with so many."""
    picks = len(lowered)
    dq, dr = np.empty((2, len(x), picks))

    def fill(block: slice) -> None:
        dq[block], dr[block] = information.changes(x[block], s[block], since)
        np.cumsum(dq[block], axis=1, out=dq[block])
        np.cumsum(dr[block], axis=1, out=dr[block])

    over_blocks(fill, len(x))
    good = picks
    if len(others) and picks > 1:
        # The first pick was the best of all rows; the next ones compete with others as the picks before left them.
        rivals = (r[others, None] + dr[others, :-1]) / (1 + q[others, None] + dq[others, :-1])
        beaten = np.flatnonzero(rivals.max(axis=0) >= (1 - EQUAL) * lowered[1:])
        good = int(beaten[0]) + 1 if len(beaten) else picks
    q += dq[:, good - 1]
    r += dr[:, good - 1]
    return good


def drop_greedily(
    x: Matrix, s: Matrix, fisher: NDArray[np.float64], inverse: NDArray[np.float64], count: int
) -> NDArray[np.int64]:
    """Positions (count,) ascending that are left when the rows x, all in M, are dropped by least rise of tr(M⁻¹F)."""
    z = x * np.sqrt(s.astype(np.float64))[:, None]
    left = np.arange(len(z))
    # M⁻¹ between the rows: with all of them in, by Woodbury from what it was with none.
    before = z @ inverse
    half = np.linalg.solve(np.eye(len(z)) + before @ z.T, before)
    g, h = half @ z.T, half @ fisher @ half.T
    while len(left) > count:
        rise = h.diagonal() / (1 - g.diagonal())
        # Of equals the last one picked.
        drop = int(np.flatnonzero(rise <= (1 + EQUAL) * rise.min())[-1])
        factor = 1 / (1 - g[drop, drop])
        gd, hd = g[:, drop], h[:, drop]
        outer = np.outer(gd, hd) * factor
        h = h + outer + outer.T + np.outer(gd, gd) * (h[drop, drop] * factor * factor)
        g = g + np.outer(gd, gd) * factor
        rest = np.arange(len(left)) != drop
        left, g, h = left[rest], g[np.ix_(rest, rest)], h[np.ix_(rest, rest)]
    return left
