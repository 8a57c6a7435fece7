"""Statistics over random splits of the same labels, which are not independent because they share most of their texts.

Nadeau and Bengio (2003, "Inference for the Generalization Error", Machine Learning 52): the variance of a mean over n
splits is (1/n + n_test/n_train) σ², not σ²/n. The second term does not shrink with more splits: it is the variation
between different sets of labels. Neither scipy nor statsmodels has the corrected test.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simulator.analysis.statistics import LEVEL, Floats


@dataclass(frozen=True)
class ResampledT:
    """Result of `corrected_t`.

    mean: of the differences; low, high: its 95 % interval; p: two-sided p-value for a mean of 0.
    """

    mean: float
    low: float
    high: float
    p: float


def corrected_t(differences: Floats, test_to_train: float) -> ResampledT:
    """The corrected resampled t-test on differences (n,) float64, one per split; test_to_train: n_test / n_train.

    If all differences are equal, p is 1 for differences of 0 and otherwise 0. Raises ValueError for fewer than two.
    """
    n = len(differences)
    if n < 2:
        raise ValueError(f"the spread over splits needs at least two splits, got {n}")
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) * sqrt(1 / n + test_to_train)
    if np.ptp(differences) == 0:
        return ResampledT(mean, mean, mean, float(mean == 0))
    reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * error
    return ResampledT(mean, mean - reach, mean + reach, float(2 * stats.t.sf(abs(mean) / error, n - 1)))


def resampled_means(values: Floats, counts: NDArray[np.int64], test_to_train: float) -> Floats:
    """Bootstrap means of values (n, ...) over n splits, with the corrected variance: (R, ...) float64.

    counts (R, n): how often each resample contains each split; using the same counts for several arrays of values makes
    the bootstrap a paired one.
    """
    n = len(values)
    mean = values.mean(axis=0)
    # Plain bootstrap means vary by (n − 1)/n of σ²/n.
    wider = sqrt((1 / n + test_to_train) * n * n / (n - 1))
    return np.asarray(mean + wider * (np.tensordot(counts / n, values, axes=1) - mean))
