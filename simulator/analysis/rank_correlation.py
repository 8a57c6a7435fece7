"""Spearman's rank correlation within groups, averaged, with a permutation test over items and a bootstrap interval."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy import stats

from simulator.analysis.statistics import LEVEL, RESAMPLES, Floats, mean_interval

SHUFFLES = 9999


@dataclass(frozen=True)
class Correlation:
    """rho: mean over groups of Spearman's ρ; low, high: its 95 % interval; p: one-sided, for ρ > 0; rhos (groups,)."""

    rho: float
    low: float
    high: float
    p: float
    rhos: Floats


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's ρ of x and y (n,) float64, over the entries that are NaN in neither.

    NaN for fewer than 3 such entries, and if x or y is constant.
    """
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(stats.spearmanr(x, y).statistic)


def mean_spearman(x: Floats, y: Floats) -> Correlation:
    """Spearman's ρ between x and y (groups, items), within each group, averaged over groups.

    Groups are datasets; items are embeddings, the same in each group. Since an embedding is the same model in every
    dataset, the permutation test permutes whole columns of x: all n! orders up to 7 items, 9,999 random ones above. It
    uses the groups without a missing item. The interval is a bootstrap over groups if there are at least 3, otherwise
    over items. NaN if no group has a correlation.
    """
    rhos = _row_spearmans(x, y)
    defined = ~np.isnan(rhos)
    if not defined.any():
        return Correlation(np.nan, np.nan, np.nan, np.nan, rhos)
    x, y = x[defined], y[defined]
    low, high = _correlation_interval(x, y, rhos[defined])
    full = ~np.isnan(x + y).any(axis=1)
    p = _permutation_p(x[full], y[full]) if full.any() else float("nan")
    return Correlation(float(rhos[defined].mean()), low, high, p, rhos)


def _row_spearmans(x: Floats, y: Floats) -> Floats:
    return np.array([spearman(a, b) for a, b in zip(x, y, strict=True)])


def _correlation_interval(x: Floats, y: Floats, rhos: Floats) -> tuple[float, float]:
    if len(rhos) >= 3:
        low, high = mean_interval(rhos)
        return max(-1.0, float(low)), min(1.0, float(high))
    items = np.flatnonzero(~np.isnan(x + y).any(axis=0))
    if len(items) < 3:
        return float("nan"), float("nan")
    draws = np.random.default_rng(len(items)).choice(items, size=(RESAMPLES, len(items)))
    rank_x, rank_y = _standard_ranks(x[:, draws]), _standard_ranks(y[:, draws])
    drawn = (rank_x * rank_y).sum(axis=-1)
    # If a resample has the same item in all places, its correlation is not defined.
    drawn[~(rank_x.any(axis=-1) & rank_y.any(axis=-1))] = np.nan
    low, high = np.nanquantile(drawn.mean(axis=0), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _permutation_p(x: Floats, y: Floats) -> float:
    items = x.shape[1]
    exact = items <= 7
    if exact:
        orders = np.array(list(permutations(range(items))))
    else:
        orders = np.random.default_rng(items).permuted(np.tile(np.arange(items), (SHUFFLES, 1)), axis=1)
    rank_x, rank_y = _standard_ranks(x), _standard_ranks(y)
    drawn = np.einsum("gni,gi->n", rank_x[:, orders], rank_y)
    at_least = int((drawn >= (rank_x * rank_y).sum() - 1e-9).sum())
    return at_least / len(orders) if exact else (at_least + 1) / (SHUFFLES + 1)


def _standard_ranks(values: Floats) -> Floats:
    """Ranks along the last axis, centred and scaled to length 1 (dot products then give Spearman's ρ), or 0."""
    ranks = stats.rankdata(values, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.sqrt((ranks**2).sum(axis=-1, keepdims=True))
    return np.asarray(np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0))
