"""Temperature scaling: calibrates probabilities with one number and changes no prediction.

Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of the temperature."""


def fit_temperature(
    logits: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], prior: float | None = None
) -> float:
    """Returns the temperature in COLDEST..HOTTEST that minimises the negative log likelihood of held-out labels.

    logits: (n, k) of any float type.
    y: integers, (n,) classes 0..k-1 for a softmax, or (n, k) of 0/1 for one sigmoid per column.
    prior: standard deviation of a normal prior on the temperature's natural logarithm, with mean 0; by default there
    is no prior. With few labels it keeps the result near 1, with many labels it has no effect.

    If every held-out label is predicted correctly, a lower temperature is always better and the result is COLDEST.
    Raises ValueError if there are no rows.
    """
    from scipy.optimize import minimize_scalar

    if not len(logits):
        raise ValueError("a temperature needs at least one held-out label")
    F = np.asarray(logits, dtype=np.float64)
    loss = _sigmoid_loss if np.ndim(y) == 2 else _softmax_loss
    weight = 0.0 if prior is None else 1 / (2 * prior**2 * len(F))

    def objective(log_scale: float) -> float:
        return loss(np.exp(log_scale) * F, y) + weight * log_scale**2

    # The loss is convex in 1/temperature, so a bounded search on the logarithm finds the only minimum.
    coldest = -np.log(COLDEST)
    optimum = minimize_scalar(objective, bounds=(-np.log(HOTTEST), coldest), method="bounded")
    # If all predictions are certain and right, the loss is exactly 0 well before the bound, and the search would stop
    # there.
    return COLDEST if objective(coldest) <= optimum.fun else float(np.exp(-optimum.x))


def _softmax_loss(F: NDArray[np.float64], y: NDArray[np.integer[Any]]) -> float:
    top = F.max(axis=1)
    return float((np.log(np.exp(F - top[:, None]).sum(axis=1)) + top - F[np.arange(len(F)), y]).mean())


def _sigmoid_loss(F: NDArray[np.float64], y: NDArray[np.integer[Any]]) -> float:
    return float((np.logaddexp(0.0, F) - y * F).mean())
