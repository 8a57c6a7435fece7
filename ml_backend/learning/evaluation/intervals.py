"""Confidence intervals of a share, for one look at the data and for repeated looks."""

from __future__ import annotations

from math import log, sqrt

ERROR = 0.05
"""One minus the coverage of the intervals."""
ONE_LOOK = 1.959963984540054
"""The normal quantile of an interval that is looked at once, with a coverage of 95 %."""
MIXTURE = 0.198
"""Variance of the normal mixture: beside those of one look, the intervals are narrowest at about 40 observations."""


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's interval of a share that was measured on n observations; n need not be a whole number.

    z: the normal quantile. Returns (low, high) in 0..1. Wilson: Probable Inference, the Law of Succession, and
    Statistical Inference, JASA 1927.
    """
    middle, reach = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
    # Rounding must not put the share outside.
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def repeated_looks(n: float, error: float = ERROR) -> float:
    """The quantile z for an interval of a mean that holds at all numbers n of observations at once.

    With it, someone who looks after each observation sees an interval without the true value, ever, with a probability
    of at most `error`, for normal observations. Robbins: Statistical Methods Related to the Law of the Iterated
    Logarithm, 1970; Howard et al. 2021, arXiv 1810.08240, eq. 14, with a normal mixture of variance MIXTURE.
    """
    x = MIXTURE * n
    return sqrt(2 * (x + 1) / x * log(sqrt(x + 1) / error))
