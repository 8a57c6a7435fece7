"""Numbers behind the report: areas under curves, paired tests with their correction, intervals.

Everything here takes arrays and knows no dataset. Tests are those recommended for comparing learners over datasets by
Demšar (2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7), by scipy where
it has them; what is our own says why.
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
    """Outcome of `wilcoxon`: statistic W, p-value, number of pairs."""

    statistic: float
    p: float
    pairs: int


@dataclass(frozen=True)
class Friedman:
    """Outcome of `friedman`.

    mean_ranks (k,), 1 = best; statistic: χ² with k − 1 degrees of freedom, corrected for ties; p: its p-value;
    critical_difference: the difference of mean ranks that Nemenyi's test calls significant at 5 %; blocks: rows tested.
    """

    mean_ranks: Floats
    statistic: float
    p: float
    critical_difference: float
    blocks: int


def area(labels: Floats, values: Floats, start: float, end: float) -> Floats:
    """Area under values (..., n) float64 over labels (n,), rising, from start to end, divided by end − start: (...).

    Trapezoids; values at start and end are interpolated. Raises ValueError for fewer than two points, labels that do
    not rise, and bounds outside the labels.
    """
    if len(labels) < 2 or (np.diff(labels) <= 0).any():
        raise ValueError(f"an area needs at least two numbers of labels, each larger than the one before: {labels}")
    if not labels[0] <= start < end <= labels[-1]:
        raise ValueError(f"{start} to {end} is not within {labels[0]} to {labels[-1]}")
    x = np.concatenate([[start], labels[(labels > start) & (labels < end)], [end]])
    # The area is linear in the values: the weight of a point is the area under the curve that is 1 there and else 0.
    units = np.eye(len(labels))
    weights = [np.trapezoid(np.interp(x, labels, unit), x) / (end - start) for unit in units]
    return np.asarray(values @ np.array(weights))


def holm(p: Floats) -> Floats:
    """P-values (n,) corrected step-down for n tests (Holm 1979); NaN stays NaN and is not counted as a test.

    Our own: a report corrects thousands of small families, for each of which statsmodels takes 40 ms and more.
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

    The statistic is the sum of the ranks of the positive ones. Exact up to 50 pairs, given the ties and zeros, for
    which scipy has a normal approximation only; above 50 it is scipy's. NaN are left out. No pairs:
    p is NaN; all zero: 1.
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
    """P(W ≤ w) and P(W ≥ w) over all 2ⁿ signs of the ranks, counted by adding one rank after the other."""
    halves = np.rint(2 * ranks).astype(np.int64)
    share: Floats = np.zeros(int(halves.sum()) + 1)
    share[0] = 1.0
    for half in halves:
        raised = share.copy()
        raised[half:] += share[: len(share) - half]
        share = raised / 2
    at = round(2 * w)
    return float(share[: at + 1].sum()), float(share[at:].sum())


def smallest_p(pairs: int) -> float:
    """Smallest two-sided p-value that Wilcoxon's test can give with so many pairs: 2 / 2ⁿ."""
    return min(1.0, 2.0 ** (1 - pairs))


def paired_t(differences: Floats) -> Floats:
    """Two-sided p-values (k,) of the paired t-test on each column of differences (n, k), without NaN.

    Fewer than two rows: NaN; a column of equal differences: 1 when they are 0, otherwise 0.
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

    Expanded percentiles (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 5), which
    `scipy.stats.bootstrap` does not have: plain percentiles are too narrow for few rows, by
    about a third for five. All resamples up to 7 rows, 1,000 random ones above, the same ones each time. Below 5 rows
    no resample lies far enough out, and the interval is Student's. Fewer than two rows: NaN.
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
    counts, chances = _resamples(n)
    columns = values.reshape(n, -1)
    low, high = np.empty(columns.shape[1]), np.empty(columns.shape[1])
    step = 4096
    for start in range(0, columns.shape[1], step):
        block = slice(start, start + step)
        low[block], high[block] = _weighted_quantiles(counts @ columns[:, block] / n, chances, tail)
    return low.reshape(values.shape[1:]), high.reshape(values.shape[1:])


@cache
def _resamples(n: int) -> tuple[Floats, Floats]:
    """How often each of n rows is drawn, (resamples, n), and the chance of each resample (resamples,)."""
    if comb(2 * n - 1, n) > 2 * RESAMPLES:
        drawn = np.random.default_rng(n).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
        return drawn.astype(np.float64), np.full(RESAMPLES, 1 / RESAMPLES)
    counts = np.array([np.bincount(rows, minlength=n) for rows in combinations_with_replacement(range(n), n)])
    return counts.astype(np.float64), stats.multinomial.pmf(counts, n, np.full(n, 1 / n))


def _weighted_quantiles(drawn: Floats, chances: Floats, tail: float) -> tuple[Floats, Floats]:
    """Values of drawn (resamples, k) with a share `tail` of the chances at or below, and above, them: (k,) each."""
    order = np.argsort(drawn, axis=0)
    reached = np.cumsum(chances[order], axis=0)
    at = np.arange(drawn.shape[1])
    low = order[np.argmax(reached >= tail - 1e-12, axis=0), at]
    high = order[np.argmax(reached >= 1 - tail - 1e-12, axis=0), at]
    return drawn[low, at], drawn[high, at]


def shares_above(values: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """For values (n, k): wins (k, k), share of rows with column i above column j; ties (k, k); rows (k, k) compared.

    Only rows in which both have a value count; without any, NaN. wins + winsᵀ + ties = 1.
    """
    k = values.shape[1]
    wins, ties = np.full((k, k), np.nan), np.full((k, k), np.nan)
    rows = np.zeros((k, k), dtype=np.int64)
    has_value = ~np.isnan(values)
    for i in range(k):
        both = has_value & has_value[:, [i]]
        rows[i] = both.sum(axis=0)
        compared = rows[i] > 0
        own = values[:, [i]]
        wins[i, compared] = (both & (own > values)).sum(axis=0)[compared] / rows[i, compared]
        ties[i, compared] = (both & (own == values)).sum(axis=0)[compared] / rows[i, compared]
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
    alike = (np.ptp(values, axis=1) == 0).all()
    test = None if alike else stats.friedmanchisquare(*values.T)
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
    """ratio of two standard deviations, with its 95 % interval low to high; p: one-sided, for a ratio above 1."""

    ratio: float
    low: float
    high: float
    p: float


def pitman_morgan(x: Floats, y: Floats) -> SpreadRatio:
    """Is the spread of paired x (n,) larger than that of y? (Pitman 1939; Morgan 1939, Biometrika 31).

    Our own, since scipy and statsmodels compare variances of independent samples only.
    The variances are equal exactly when x + y and x − y are uncorrelated; the interval inverts that test. NaN for fewer
    than 4 pairs and where x or y is constant or one is a multiple of the other.
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
    """Number of labels at which values (n,) over labels (n,) first reach the target, interpolated; never: NaN."""
    above = np.flatnonzero(values >= target)
    if not len(above):
        return float("nan")
    i = int(above[0])
    if i == 0:
        return float(labels[0])
    share = (target - values[i - 1]) / (values[i] - values[i - 1])
    return float(labels[i - 1] + share * (labels[i] - labels[i - 1]))
