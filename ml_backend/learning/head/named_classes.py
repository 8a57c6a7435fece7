"""Fits the head around what the class names say, with a penalty that follows from how much they say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.head.class_prior import ClassPrior
from ml_backend.learning.head.losses import Loss, Matrix, Sigmoid, Softmax
from ml_backend.learning.head.prior_strength import Strength, prior_strength
from ml_backend.learning.head.solver import TOLERANCE, solve

MOST_LABELS = 500
"""The strength of the names is found on at most so many of the labels, to bound the time."""
INTERCEPT_VARIANCE = 0.15
"""Variance of the intercepts; the frequencies of the classes are in the offset already."""
VARIANCE_PER_NAMES = 8.0
"""Variance of the weights as a multiple of the variance of the names' logits: what labels add is of that order."""
LEAST_VARIANCE = 3.0
"""Lower bound of that variance; both are for embeddings with a mean square norm of 1."""
RESIDUAL_SCALE = 4.0
"""Moment estimates are too low where they are high, as probabilities are bounded: their square is divided by this."""
LABELS_TO_HALF = 20.0
"""Number of labels at which the weights may vary half as much as in the end: a few labels say little about them."""


def strength_of_names(X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], prior: ClassPrior) -> Strength:
    """Returns what a prior is worth for labelled embeddings X (n, D) with labels y, (n,) or (n, n_classes)."""
    rows = _some_rows(len(X))
    return prior_strength(prior, X[rows], _targets(y[rows], prior.n_classes), y.ndim == 2)


def fit_around_names(
    X: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    prior: ClassPrior,
    strength: Strength,
    C: float,
    tolerance: float = TOLERANCE,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns weights (n_classes, D) and intercepts (n_classes,), both float64, penalised by their distance to a prior.

    X: (n, D); y: (n,) or (n, n_classes) of 0/1; n may be 0. C: of a head without names, see `penalty`;
    tolerance: see `solver.TOLERANCE`.
    """
    centre = strength.kappa * prior.centre.astype(np.float64)
    if not len(X):
        return centre, strength.offset
    X, Y = np.asarray(X, dtype=np.float64), _targets(y, prior.n_classes)
    logits = centre @ X.T + strength.offset[:, None]
    loss: Loss = Sigmoid() if y.ndim == 2 else Softmax()
    is_binary = y.ndim == 1 and len(Y) == 2
    if is_binary:
        # As in a head without names: one weight vector, whose halves are the rows.
        loss, logits, Y = Sigmoid(), logits[1:] - logits[:1], Y[1:]
    rows = _some_rows(len(X))
    P = loss.value(logits[:, rows], Y[:, rows])[1]
    C = penalty(prior, strength, residual_variance(X[rows], Y[:, rows] - P, P * (1 - P)), len(X), C)
    W, b = solve(X, Y, C, loss, logits, C / INTERCEPT_VARIANCE, tolerance)
    if is_binary:
        W, b = np.r_[-W, W] / 2, np.r_[-b, b] / 2
    return centre + W, strength.offset + b


def penalty(prior: ClassPrior, strength: Strength, residual: float, n: int, C: float) -> float:
    """Returns C for n labels around a prior, between 0 and the C of a head without names.

    It is the variance that weights may have, and grows with what the names say, and with what the labels say beyond
    them: residual, see `residual_variance`. The less the labels speak for the names, the closer it is to the given C.
    """
    by_names = VARIANCE_PER_NAMES * strength.kappa**2 * prior.variance
    by_labels = (residual * prior.mean_square) ** 2 / RESIDUAL_SCALE
    # C is for embeddings as they are given, the variances for those with a mean square norm of 1.
    variance = min(C, max(LEAST_VARIANCE, by_names, by_labels) / prior.mean_square)
    return (strength.share * variance + (1 - strength.share) * C) * n / (n + strength.share * LABELS_TO_HALF)


def residual_variance(X: Matrix, residuals: Matrix, curvature: Matrix) -> float:
    """Returns how strongly similar texts differ from the prior's probabilities in the same way: a variance of weights.

    X: (n, D) embeddings; residuals: (K, n), labels minus probabilities; curvature: (K, n), p (1 − p). It is the moment
    estimate of a variance component (Haseman & Elston 1972), minus the standard error that it has where the true
    variance is 0; at least 0.
    """
    centred = X - X.mean(axis=0)
    similarity = centred @ centred.T
    np.fill_diagonal(similarity, 0.0)
    explained = float(np.vdot(similarity, residuals.T @ residuals))
    expected = float(np.vdot(similarity**2, curvature.T @ curvature))
    return max(0.0, explained - np.sqrt(2 * expected)) / expected if expected > 0 else 0.0


def _targets(y: NDArray[np.integer[Any]], n_classes: int) -> NDArray[np.float64]:
    """Returns labels as 0 or 1, (n_classes, n), from (n,) or (n, n_classes)."""
    if y.ndim == 2:
        return np.ascontiguousarray(y.T, dtype=np.float64)
    targets: NDArray[np.float64] = (np.arange(n_classes)[:, None] == y).astype(np.float64)
    return targets


def _some_rows(n: int) -> NDArray[np.int64]:
    """Returns at most MOST_LABELS of n rows, ascending, (m,) int64: always the same ones of as many rows."""
    # Drawn at random, since rows at equal distances may all be of one class where labels alternate.
    return np.sort(np.random.default_rng(0).choice(n, min(n, MOST_LABELS), replace=False))
