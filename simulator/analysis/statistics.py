"""Statistics of the report on plain arrays: areas under curves, paired tests with their correction, intervals.

Tests are those that Demšar recommends for comparing learners over datasets (2006, "Statistical Comparisons of
Classifiers over Multiple Data Sets", JMLR 7). They are scipy's where it has them; a test that is implemented here says
why.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from math import comb, sqrt
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Alternative = Literal["two-sided", "greater", "less"]

LEVEL = 0.95
EXACT_PAIRS = 50
RESAMPLES = 1000
LEAST_BOOTSTRAPPED = 5


class SignedRank(NamedTuple):
    """Result of `wilcoxon`: statistic W, p-value, number of pairs."""

    statistic: float
    p: float
    pairs: int


@dataclass(frozen=True)
class Friedman:
    """Result of `friedman`.

    mean_ranks (k,), 1 = best; statistic: χ² with k − 1 degrees of freedom, corrected for ties; p: its p-value;
    critical_difference: the difference of mean ranks that Nemenyi's test calls significant at 5 %; blocks: rows tested.
    """

    mean_ranks: Floats
    statistic: float
    p: float
    critical_difference: float
    blocks: int


def area(labels: Floats, values: Floats, start: float, end: float) -> Floats:
    """Area under values (..., n) float64 over increasing labels (n,), from start to end, divided by end − start: (...).

    The area of trapezoids; values at start and end are interpolated. Raises ValueError for fewer than two points,
    labels that do not increase, and bounds outside the labels.
    """
    if len(labels) < 2 or (np.diff(labels) <= 0).any():
        raise ValueError(f"an area needs at least two numbers of labels, each larger than the one before: {labels}")
    if not labels[0] <= start < end <= labels[-1]:
        raise ValueError(f"{start} to {end} is not within {labels[0]} to {labels[-1]}")
    x = np.concatenate([[start], labels[(labels > start) & (labels < end)], [end]])
    # The area is linear in the values: the weight of a point is the area of the curve that is 1 there and 0 elsewhere.
    units = np.eye(len(labels))
    weights = [np.trapezoid(np.interp(x, labels, unit), x) / (end - start) for unit in units]
    return np.asarray(values @ np.array(weights))


def holm(p: Floats) -> Floats:
    """P-values (n,) with Holm's step-down correction for n tests (1979); NaN stays NaN and does not count as a test.

    Implemented here, since a report corrects thousands of small families, and statsmodels takes 40 ms or more for each.
    """
    p = np.asarray(p, dtype=np.float64)
    corrected = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return corrected


def wilcoxon(differences: Floats, alternative: Alternative = "two-sided") -> SignedRank:
    """Wilcoxon's signed-rank test on paired differences (n,), zeros ranked and then left out (Pratt 1959).

    The statistic is the sum of the ranks of positive differences. NaN are left out. Up to 50 pairs the p-value is exact
    also with ties and zeros, for which scipy only has a normal approximation; above 50 pairs it is scipy's. Without
    pairs p is NaN; if all differences are 0 it is 1.
    """
    pairs = differences[~np.isnan(differences)]
    ranks = stats.rankdata(np.abs(pairs))[pairs != 0]
    w = float(ranks[pairs[pairs != 0] > 0].sum())
    if not len(ranks):
        return SignedRank(0.0, 1.0 if len(pairs) else float("nan"), len(pairs))
    if len(pairs) > EXACT_PAIRS:
        p = float(stats.wilcoxon(pairs, zero_method="pratt", alternative=alternative).pvalue)
        return SignedRank(w, p, len(pairs))
    at_most, at_least = _exact_tails(ranks, w)
    p = {"less": at_most, "greater": at_least, "two-sided": min(1.0, 2 * min(at_most, at_least))}[alternative]
    return SignedRank(w, p, len(pairs))


def _exact_tails(ranks: Floats, w: float) -> tuple[float, float]:
    """P(W ≤ w) and P(W ≥ w) over all 2ⁿ signs of the ranks, by dynamic programming over the ranks."""
    doubled_ranks = np.rint(2 * ranks).astype(np.int64)
    share: Floats = np.zeros(int(doubled_ranks.sum()) + 1)
    share[0] = 1.0
    for doubled_rank in doubled_ranks:
        raised = share.copy()
        raised[doubled_rank:] += share[: len(share) - doubled_rank]
        share = raised / 2
    doubled_w = round(2 * w)
    return float(share[: doubled_w + 1].sum()), float(share[doubled_w:].sum())


def smallest_p(pairs: int) -> float:
    """Smallest two-sided p-value that Wilcoxon's test can give with this number of pairs, 2 / 2ⁿ."""
    return min(1.0, 2.0 ** (1 - pairs))


def paired_t(differences: Floats) -> Floats:
    """Two-sided p-values (k,) of the paired t-test on each column of differences (n, k), without NaN.

    With fewer than two rows NaN; for a column of equal differences 1 if they are 0, otherwise 0.
    """
    n = len(differences)
    if n < 2:
        return np.full(differences.shape[1], np.nan)
    # `scipy.stats.ttest_1samp` warns of columns that are almost equal differences, which a pair of seeds often has.
    mean, error = differences.mean(axis=0), differences.std(axis=0, ddof=1) / sqrt(n)
    vary = np.ptp(differences, axis=0) > 0
    t = np.divide(mean, error, out=np.where(mean == 0, 0.0, np.inf), where=vary)
    return np.asarray(2 * stats.t.sf(np.abs(t), n - 1))


def mean_interval(values: NDArray[np.floating[Any]], level: float = LEVEL) -> tuple[Floats, Floats]:
    """Bootstrap interval of the mean over the first axis of values (n, ...): low and high, each (...) float64.

    level: of confidence. The interval is that of expanded percentiles (Hesterberg 2015, "What Teachers Should Know
    About the Bootstrap", section 5), which `scipy.stats.bootstrap` does not have: plain percentiles are too narrow for
    few rows, by about a third for five. It uses all resamples up to 7 rows, and 1,000 random ones above, always the
    same. Below 5 rows the percentiles would lie outside all resamples, and the interval is Student's. With fewer than
    two rows it is NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n < 2:
        return np.full(values.shape[1:], np.nan), np.full(values.shape[1:], np.nan)
    if n < LEAST_BOOTSTRAPPED:
        middle = values.mean(axis=0)
        reach = stats.t.ppf((1 + level) / 2, n - 1) * values.std(axis=0, ddof=1) / sqrt(n)
        return middle - reach, middle + reach
    tail = float(stats.norm.cdf(sqrt(n / (n - 1)) * stats.t.ppf((1 - level) / 2, n - 1)))
    counts, probabilities = _resamples(n)
    columns = values.reshape(n, -1)
    low, high = np.empty(columns.shape[1]), np.empty(columns.shape[1])
    step = 4096
    for start in range(0, columns.shape[1], step):
        block = slice(start, start + step)
        low[block], high[block] = _weighted_quantiles(counts @ columns[:, block] / n, probabilities, tail)
    return low.reshape(values.shape[1:]), high.reshape(values.shape[1:])


@cache
def _resamples(n: int) -> tuple[Floats, Floats]:
    """How often each resample contains each of n rows, (resamples, n), and its probability (resamples,)."""
    if comb(2 * n - 1, n) > 2 * RESAMPLES:
        drawn = np.random.default_rng(n).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
        return drawn.astype(np.float64), np.full(RESAMPLES, 1 / RESAMPLES)
    counts = np.array([np.bincount(rows, minlength=n) for rows in combinations_with_replacement(range(n), n)])
    return counts.astype(np.float64), stats.multinomial.pmf(counts, n, np.full(n, 1 / n))


def _weighted_quantiles(drawn: Floats, probabilities: Floats, tail: float) -> tuple[Floats, Floats]:
    """Quantiles `tail` and 1 − `tail`, (k,) each, of drawn (resamples, k), weighted by probabilities (resamples,)."""
    order = np.argsort(drawn, axis=0)
    reached = np.cumsum(probabilities[order], axis=0)
    columns = np.arange(drawn.shape[1])
    low = order[np.argmax(reached >= tail - 1e-12, axis=0), columns]
    high = order[np.argmax(reached >= 1 - tail - 1e-12, axis=0), columns]
    return drawn[low, columns], drawn[high, columns]


def shares_above(values: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Pairwise comparison of the columns of values (n, k): wins, ties and numbers of compared rows, (k, k) each.

    wins[i, j]: share (0..1) of rows in which column i is above column j; ties: share in which they are equal. Only rows
    in which both columns have a value count; without any the shares are NaN. wins + winsᵀ + ties = 1.
    """
    k = values.shape[1]
    wins, ties = np.full((k, k), np.nan), np.full((k, k), np.nan)
    rows = np.zeros((k, k), dtype=np.int64)
    has_value = ~np.isnan(values)
    for i in range(k):
        both_have_value = has_value & has_value[:, [i]]
        rows[i] = both_have_value.sum(axis=0)
        compared = rows[i] > 0
        column = values[:, [i]]
        wins[i, compared] = (both_have_value & (column > values)).sum(axis=0)[compared] / rows[i, compared]
        ties[i, compared] = (both_have_value & (column == values)).sum(axis=0)[compared] / rows[i, compared]
    return wins, ties, rows


def friedman(values: Floats) -> Friedman:
    """Friedman's test on values (blocks, k), larger is better, with Nemenyi's critical difference (Demšar 2006, 3.2.2).

    Raises ValueError for fewer than 3 columns, fewer than 2 blocks, and NaN.
    """
    blocks, k = values.shape
    if k < 3 or blocks < 2:
        raise ValueError(f"Friedman's test needs at least 3 strategies and 2 blocks, got {k} and {blocks}")
    if np.isnan(values).any():
        raise ValueError("Friedman's test needs a value of every strategy in every block")
    ranks = stats.rankdata(-values, axis=1)
    all_tied = (np.ptp(values, axis=1) == 0).all()
    test = None if all_tied else stats.friedmanchisquare(*values.T)
    q = float(stats.studentized_range.ppf(LEVEL, k, np.inf)) / sqrt(2)
    return Friedman(
        mean_ranks=ranks.mean(axis=0),
        statistic=float(test.statistic) if test else 0.0,
        p=float(test.pvalue) if test else 1.0,
        critical_difference=q * sqrt(k * (k + 1) / (6 * blocks)),
        blocks=blocks,
    )


@dataclass(frozen=True)
class SpreadRatio:
    """Result of `pitman_morgan`.

    ratio: of two standard deviations; low, high: its 95 % interval; p: one-sided, for a ratio above 1.
    """

    ratio: float
    low: float
    high: float
    p: float


def pitman_morgan(x: Floats, y: Floats) -> SpreadRatio:
    """Test whether x (n,) varies more than y (n,), for paired values (Pitman 1939; Morgan 1939, Biometrika 31).

    Implemented here, since scipy and statsmodels compare variances of independent samples only. The variances are equal
    exactly when x + y and x − y are uncorrelated; the interval inverts that test. NaN for fewer than 4 pairs, and if x,
    y, x + y or x − y is constant.
    """
    n = len(x)
    if n < 4 or min(np.ptp(x), np.ptp(y), np.ptp(x + y), np.ptp(x - y)) == 0:
        return SpreadRatio(np.nan, np.nan, np.nan, np.nan)
    p = float(stats.pearsonr(x + y, x - y, alternative="greater").pvalue)
    unexplained = 1 - float(np.corrcoef(x, y)[0, 1]) ** 2
    k = 1 + 2 * unexplained * float(stats.t.ppf((1 + LEVEL) / 2, n - 2)) ** 2 / (n - 2)
    ratio, width = float(np.var(x) / np.var(y)), sqrt(max(0.0, k * k - 1))
    return SpreadRatio(sqrt(ratio), sqrt(ratio * max(0.0, k - width)), sqrt(ratio * (k + width)), p)


def labels_to_reach(labels: Floats, values: Floats, target: float) -> float:
    """Number of labels at which values (n,) over labels (n,) first reach the target, interpolated; NaN for never."""
    above = np.flatnonzero(values >= target)
    if not len(above):
        return float("nan")
    i = int(above[0])
    if i == 0:
        return float(labels[0])
    share = (target - values[i - 1]) / (values[i] - values[i - 1])
    return float(labels[i - 1] + share * (labels[i] - labels[i - 1]))
