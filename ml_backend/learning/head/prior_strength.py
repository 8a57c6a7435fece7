"""How much the class names are worth, found from the labels given: the strength of the prior and its evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRENGTH, SPREAD, STRONGEST = 20.0, 10.0, 40.0
"""Strength of the class prior without labels, its standard deviation, and its upper bound."""


@dataclass(frozen=True)
class Strength:
    """kappa: factor of the prior's scores in the logits; evidence: nats by which the scores explain the labels better
    than the frequencies of the classes do."""

    kappa: float
    evidence: float


def prior_strength(scores: NDArray[np.float64], y: NDArray[np.int64]) -> Strength:
    """Returns the strength of a prior with these scores (n, K) for labels y (n,)."""
    # Imported here, as the server loads heads and fits none.
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    n, K = scores.shape
    if not n:
        return Strength(STRENGTH, 0.0)
    counts = np.bincount(y, minlength=K).astype(np.float64)
    left_out = counts[None, :] - (np.arange(K)[None, :] == y[:, None])
    frequencies = np.log((left_out + 1) / (n - 1 + K))
    null = max(-n * np.log(K), float(frequencies[np.arange(n), y].sum()))
    best_loss, best_kappa = np.inf, STRENGTH
    for offset in (np.zeros_like(frequencies), frequencies):

        def loss(kappa: float, offset: NDArray[np.float64] = offset) -> float:
            F = kappa * scores + offset
            return float((logsumexp(F, axis=1) - F[np.arange(n), y]).sum() + ((kappa - STRENGTH) / SPREAD) ** 2 / 2)

        found = minimize_scalar(loss, bounds=(0.0, STRONGEST), method="bounded")
        if found.fun < best_loss:
            best_loss, best_kappa = float(found.fun), float(found.x)
    evidence = -best_loss - null
    return Strength(best_kappa * float(np.clip((evidence - 1) / 2, 0.0, 1.0)), evidence)
