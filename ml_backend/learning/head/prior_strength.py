"""How much the class names are worth: the strength of the class prior, found from labels without fitting weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ml_backend.learning.head.class_prior import STRONGEST, ClassPrior
from ml_backend.learning.head.losses import Loss, Matrix, Sigmoid, Softmax

STRENGTH, SPREAD = 20.0, 10.0
"""Mean and standard deviation of the strength before the first label."""
ODDS_FOR_NAMES = 1.5
"""Nats by which the labels must speak against the names before these are given up: names are rarely wrong."""
RAMP = 2.0
"""The strength grows from 0 to its full value over so many nats, so that no single label switches the names off."""
ODDS_FOR_EQUAL_CLASSES, FREQUENCY_SLOPE = 0.5, 2.0
"""Nats by which class frequencies must explain the labels better than equal classes, and how sharply that decides."""


@dataclass(frozen=True)
class Strength:
    """What the prior is worth.

    kappa: factor of the prior's scores in the logits; 0 where the labels speak against the names.
    share: how much the labels let the names count, from 0 to 1; it is part of kappa already.
    offset: (n_classes,) float64, logits of the classes that are added to the scores.
    evidence: nats by which the names explain the labels better than the frequencies of the classes do; 0 without
    labels, and negative where they explain them worse.
    """

    kappa: float
    share: float
    offset: NDArray[np.float64]
    evidence: float


def prior_strength(prior: ClassPrior, X: Matrix, Y: Matrix, multi_label: bool) -> Strength:
    """Returns the strength of a prior for labelled rows.

    X: (n, D) embeddings; Y: (n_classes, n) float64, labels as 0 or 1; multi_label: a row may have several classes.
    Two models explain the labels: the names with equal classes, and the names with the frequencies of the labels, where
    the label that is predicted is left out of the frequencies. The better one counts more for the strength.
    """
    n = len(X)
    if not n:
        return Strength(STRENGTH, 1.0, prior.base(STRENGTH, multi_label), 0.0)
    loss: Loss = Sigmoid() if multi_label else Softmax()
    scores = prior.scores(X).T
    left_out = frequency_logits(Y.sum(axis=1, keepdims=True) - Y, n - 1, multi_label)

    def equal(kappa: float) -> Matrix:
        return prior.base(kappa, multi_label)[:, None]

    def nats(kappa: float, offset: Matrix) -> float:
        return float(np.sum(loss.value(kappa * scores + offset, Y)[0]))

    def doubt(kappa: float) -> float:
        return ((kappa - STRENGTH) / SPREAD) ** 2 / 2

    by_base = _minimum(lambda kappa: nats(kappa, equal(kappa)) + doubt(kappa))
    by_frequency = _minimum(lambda kappa: nats(kappa, left_out) + doubt(kappa))
    evidence = min(nats(0.0, equal(0.0)), nats(0.0, left_out)) - min(by_base[1], by_frequency[1])
    weight = float(expit(FREQUENCY_SLOPE * (by_base[1] - by_frequency[1] - ODDS_FOR_EQUAL_CLASSES)))
    share = float(np.clip((evidence + ODDS_FOR_NAMES) / RAMP, 0.0, 1.0))
    kappa = share * (weight * by_frequency[0] + (1 - weight) * by_base[0])
    frequencies = frequency_logits(Y.sum(axis=1), n, multi_label)
    return Strength(kappa, share, weight * frequencies + (1 - weight) * prior.base(kappa, multi_label), evidence)


def frequency_logits(counts: Matrix, n: int, multi_label: bool) -> NDArray[np.float64]:
    """Returns the logits of classes that occur `counts` (n_classes, ...) times in n labels, smoothed by one label each.

    Without multi_label their mean over the classes is 0.
    """
    n_classes = len(counts)
    if multi_label:
        odds: NDArray[np.float64] = np.log((counts + 1.0) / (n - counts + n_classes - 1.0 + (n_classes == 1)))
        return odds
    logits = np.log((counts + 1.0) / (n + n_classes))
    centred: NDArray[np.float64] = logits - logits.mean(axis=0)
    return centred


def _minimum(objective: Callable[[float], float]) -> tuple[float, float]:
    """Returns the strength in 0..STRONGEST at which the objective is lowest, and its value there."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(objective, bounds=(0.0, STRONGEST), method="bounded")
    return float(found.x), float(found.fun)
