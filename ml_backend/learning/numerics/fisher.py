"""Greedy forward selection and backward elimination of rows by tr(M⁻¹F), with updates of rank one.

The Fisher information of a row x (D,) with weight s is s x xᵀ, (D, D). M is the sum of the information of the chosen
rows and of a given start; F is the information of all rows. A set of rows is better if tr(M⁻¹F) is lower; in the
design of experiments this is V-optimality. Updates of M⁻¹ use the Sherman–Morrison formula.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Matrix, squared_norms
from ml_backend.learning.numerics.ranking import first_highest, highest
from ml_backend.learning.numerics.threads import over_blocks

CANDIDATES = 1024
"""Number of best rows among which several picks are made before all rows are scored again."""

TIE_TOLERANCE = 1e-6
"""Scores whose relative difference is at most this count as equal, as float32 cannot tell them apart."""

MOST_AHEAD = 32
"""Largest number of picks that are made before all rows are scored again."""


def scatter(x: Matrix, w: Matrix) -> NDArray[np.float64]:
    """Returns Σ w x xᵀ over the rows, (D, D) float64; x: (n, D) float32, w: (n,) float32, at least 0."""
    total = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), 2048):
        block = x[start : start + 2048] * np.sqrt(w[start : start + 2048, None])
        total += block.T @ block
    return total


class _Information:
    """tr(M⁻¹F) while rows are added to M.

    M⁻¹ is stored as its initial value minus one term v vᵀ per added row (Sherman–Morrison). Adding s x xᵀ to M lowers
    the trace by r / (1 + q), where q = s x·M⁻¹x and r = s x·M⁻¹FM⁻¹x.
    fisher: F; inverse: the initial M⁻¹; both (D, D) float64. count: number of rows that may be added.
    """

    def __init__(self, fisher: NDArray[np.float64], inverse: NDArray[np.float64], count: int) -> None:
        self.fisher, self.inverse = fisher, inverse
        self.v, self.u = np.zeros((2, count, len(fisher)))
        self.vfv = np.zeros(count)
        self.size = 0

    def start(self, x: Matrix, s: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns q and r, (n,) float64 each, of all rows x (n, D) with weights s (n,) before any row is added."""
        q, r = np.empty((2, len(x)))
        # With M⁻¹ = L Lᵀ and LᵀFL = N Nᵀ, q = s |Lᵀx|² and r = s |NᵀLᵀx|²: two products with triangular matrices.
        lower = np.linalg.cholesky(self.inverse).astype(np.float64)
        middle = _factor(lower.T @ self.fisher @ lower)

        def fill(block: slice) -> None:
            z = _times_lower(x[block], lower)
            q[block] = s[block] * squared_norms(z)
            r[block] = s[block] * squared_norms(_times_lower(z, middle))

        over_blocks(fill, len(x))
        return q, r

    def add(self, x: Matrix, s: float, q: float) -> None:
        """Add a row x (D,) of weight s to M; q is the current q of this row."""
        added = self.v[: self.size]
        v = (self.inverse @ x - (added @ x) @ added) * np.sqrt(s / (1 + q))
        fv = self.fisher @ v
        self.v[self.size], self.u[self.size] = v, self.inverse @ fv - (added @ fv) @ added
        self.vfv[self.size] = v @ fv
        self.size += 1

    def changes(self, x: Matrix, s: Matrix, since: int) -> tuple[Matrix, Matrix]:
        """Returns the changes of q and r of rows x (n, D) with weights s (n,) by each addition from number `since` on.

        Both are (additions, n) float32.
        """
        new = slice(since, self.size)
        vectors = np.concatenate([self.v[new], self.u[new]]).astype(np.float32)
        # For one addition, two products with a vector are faster than one with a matrix of two rows.
        products = np.stack([x @ vector for vector in vectors]) if len(vectors) == 2 else vectors @ x.T
        xv, xu = np.split(products, 2)
        scaled = s * xv
        return -scaled * xv, scaled * (self.vfv[new, None].astype(np.float32) * xv - 2 * xu)


def add_greedily(
    x: Matrix,
    s: Matrix,
    fisher: NDArray[np.float64],
    inverse: NDArray[np.float64],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Choose `count` rows greedily; each step adds s x xᵀ to M for the row that lowers tr(M⁻¹F) most.

    x: (n, D) float32, the rows; s: (n,) float32, their weights.
    fisher: F, (D, D) float64; inverse: M⁻¹ before the first step, (D, D) float64.
    count: number of rows to choose, from 1 to n; rng: decides between rows with equal scores.

    Returns positions (count,) int64 in x without repeats, in the order in which they were chosen.
    The steps are exact, though one pass over all rows serves several of them. Several picks are made among the rows
    that scored best in the last pass. The next pass checks them: from the first pick on for which another row would
    have been better, they are undone.
    """
    information = _Information(fisher, inverse, count)
    q, r = information.start(x, s)
    rank, is_free = rng.permutation(len(x)), np.ones(len(x), dtype=bool)
    picks: list[int] = []
    ahead = 8
    while True:
        score = np.where(is_free, r / (1 + q), -np.inf)
        candidates = highest(score, min(CANDIDATES, len(x)), rank)
        is_rival = is_free.copy()
        is_rival[candidates] = False
        since = information.size
        tentative: list[int] = []
        lowered: list[float] = []
        candidate_x, candidate_s, candidate_q, candidate_r = x[candidates], s[candidates], q[candidates], r[candidates]
        candidate_is_free = is_free[candidates]
        while len(tentative) < ahead and len(picks) + len(tentative) < count:
            candidate_score = np.where(candidate_is_free, candidate_r / (1 + candidate_q), -np.inf)
            best = first_highest(candidate_score, rank[candidates], TIE_TOLERANCE * float(candidate_score.max()))
            tentative.append(int(candidates[best]))
            lowered.append(candidate_score[best])
            candidate_is_free[best] = False
            information.add(candidate_x[best], candidate_s[best], candidate_q[best])
            dq, dr = information.changes(candidate_x, candidate_s, information.size - 1)
            candidate_q += dq[0]
            candidate_r += dr[0]
        n_right = _still_best(information, x, s, q, r, is_rival, since, np.array(lowered))
        picks += tentative[:n_right]
        is_free[tentative[:n_right]] = False
        information.size = since + n_right
        if len(picks) == count:
            return np.array(picks)
        ahead = min(2 * ahead, MOST_AHEAD) if n_right == len(tentative) else max(2, n_right)


def _still_best(
    information: _Information,
    x: Matrix,
    s: Matrix,
    q: NDArray[np.float64],
    r: NDArray[np.float64],
    is_rival: NDArray[np.bool_],
    since: int,
    lowered: NDArray[np.float64],
) -> int:
    """Returns how many of the last picks are right, and updates q and r in place by that many additions.

    A pick is right if none of the rows that are True in is_rival (n,) bool would have lowered the trace more.
    x: (n, D) float32; s: (n,) float32; q, r: (n,) float64 before the additions from number `since` on;
    lowered: (picks,) float64, by how much each pick lowers the trace.
    """
    picks = len(lowered)
    new_q, new_r = np.empty((2, picks, len(x)))
    best_rivals: dict[int, NDArray[np.float64]] = {}

    def fill(block: slice) -> None:
        dq, dr = information.changes(x[block], s[block], since)
        of_q, of_r = new_q[:, block], new_r[:, block]
        before_q, before_r = q[block], r[block]
        for addition in range(picks):
            before_q = np.add(before_q, dq[addition], out=of_q[addition])
            before_r = np.add(before_r, dr[addition], out=of_r[addition])
        # The first pick was the best of all rows. Later picks are compared with the others after the picks before them.
        scores = of_r[:-1] / (1 + of_q[:-1])
        best_rivals[block.start] = scores.max(axis=1, initial=-np.inf, where=is_rival[block])

    over_blocks(fill, len(x))
    rivals = np.max(list(best_rivals.values()), axis=0)
    beaten = np.flatnonzero(rivals >= (1 - TIE_TOLERANCE) * lowered[1:])
    n_right = int(beaten[0]) + 1 if len(beaten) else picks
    q[:], r[:] = new_q[n_right - 1], new_r[n_right - 1]
    return n_right


def drop_greedily(
    x: Matrix, s: Matrix, fisher: NDArray[np.float64], inverse: NDArray[np.float64], count: int
) -> NDArray[np.int64]:
    """Drop rows from M one by one until `count` are left, each time the row whose loss raises tr(M⁻¹F) least.

    x: (n, D) float32, the rows, all of them in M at the start; s: (n,) float32, their weights.
    fisher: F, (D, D) float64; inverse: M⁻¹ without any of the rows, (D, D) float64.
    count: number of rows to keep, from 1 to n.

    Returns the positions (count,) int64 of the rows that are kept, ascending. Of rows that raise the trace equally,
    the last one is dropped.
    """
    z = x * np.sqrt(s.astype(np.float64))[:, None]
    # Z M⁻¹ with all rows in M, by the Woodbury formula from `inverse`, which is M⁻¹ with none of them.
    before = z @ inverse
    half = np.linalg.solve(np.eye(len(z)) + before @ z.T, before)
    g, h = half @ z.T, half @ fisher @ half.T
    # G and H change by a sum of outer products in each step. Only their diagonals and the columns of the rows that are
    # dropped are needed, so the sums themselves are never formed.
    drops = len(z) - count
    columns_g, columns_h = np.zeros((2, drops, len(z)))
    factors, corners = np.zeros((2, drops))
    diagonal_g, diagonal_h = g.diagonal().copy(), h.diagonal().copy()
    is_kept = np.ones(len(z), dtype=bool)
    for step in range(drops):
        rise = np.where(is_kept, diagonal_h / (1 - diagonal_g), np.inf)
        # Of rows that are equally good to drop, the one that was chosen last goes.
        drop = int(np.flatnonzero(rise <= (1 + TIE_TOLERANCE) * rise.min())[-1])
        is_kept[drop] = False
        at_g, at_h = factors * columns_g[:, drop], factors * columns_h[:, drop]
        gd = g[:, drop] + at_g @ columns_g
        hd = h[:, drop] + at_h @ columns_g + at_g @ columns_h + (corners * columns_g[:, drop]) @ columns_g
        factor = 1 / (1 - diagonal_g[drop])
        columns_g[step], columns_h[step] = gd, hd
        factors[step], corners[step] = factor, diagonal_h[drop] * factor * factor
        diagonal_g += factor * gd * gd
        diagonal_h += 2 * factor * gd * hd + corners[step] * gd * gd
    return np.flatnonzero(is_kept)


def symmetric_inverse(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the inverse of a symmetric, positive definite matrix a, (D, D) float64. Raises LinAlgError otherwise."""
    from scipy.linalg.lapack import dpotrf, dpotri

    factor, problem = dpotrf(a, lower=0)
    if problem:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    upper = dpotri(factor, lower=0)[0]  # the lower half is 0
    inverse: NDArray[np.float64] = upper + np.triu(upper, 1).T
    return inverse


def _factor(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """A lower triangular matrix N with N Nᵀ = a, (D, D) float64; a may be singular."""
    # With fewer rows than dimensions, a is singular, and rounding in float32 can make eigenvalues negative. The
    # smallest of these shares of the trace that makes all of them positive is added to the diagonal.
    *smaller, largest = 1e-12, 1e-9, 1e-8, 1e-7, 1e-6
    for share in smaller:
        with suppress(np.linalg.LinAlgError):
            return _factor_with_ridge(a, share)
    return _factor_with_ridge(a, largest)


def _factor_with_ridge(a: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """`_factor` of a with this share of its trace added to the diagonal. Raises LinAlgError if that is too little."""
    ridge = max(share * float(np.trace(a)), float(np.finfo(np.float64).tiny))
    return np.linalg.cholesky(a + ridge * np.eye(len(a))).astype(np.float64)


def _times_lower(x: Matrix, lower: NDArray[np.floating[Any]]) -> Matrix:
    """Returns x @ lower, (n, D) float32, for x (n, D) float32 and a lower triangular matrix, in half the time."""
    from scipy.linalg.blas import strmm

    # BLAS takes matrices by column, so it computes the transposed product.
    product: Matrix = strmm(1.0, lower.T.astype(np.float32, order="F"), x.T, side=0, lower=0, trans_a=0).T
    return product
