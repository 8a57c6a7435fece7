"""Finds the optimum of L2-regularised logistic regression with L-BFGS and a preconditioner.

The objective is that of scikit-learn's LogisticRegression: C · Σ log loss + ½‖W‖², with an unpenalised intercept; or,
around given logits, the same with a penalty on the intercepts too.
L-BFGS: Liu, Nocedal: On the limited memory BFGS method for large scale optimization, 1989.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.head.curvature import Pairs, inverse_diagonal
from ml_backend.learning.head.features import Features, centred
from ml_backend.learning.head.losses import Loss, Matrix

logger = logging.getLogger(__name__)

TOLERANCE = 1e-6
"""The search ends with a step whose predicted decrease is at most this fraction of the objective.

The predicted decrease is of first order: −gradient · step.
"""
LOGIT_TOLERANCE = 2.5e-3
"""The last step changes the logits of the labelled rows by at most this, at the tolerance above.

It grows with the square root of the tolerance, as the decrease is of second order in the step.
"""
FLOAT32_BOUND = 5e4
"""Up to this value of C √n |x|² float32 is precise enough."""
CERTAIN = 32
"""Loss of a row, in units of rounding, below which its probabilities are certain and its gradient is rounding error."""
MOST_STEPS = 2000
"""Largest number of steps."""
MOST_LENGTHS = 40
"""Largest number of lengths that a line search tries."""
FLAT_SLOPE = 0.2
"""Fraction of the initial slope that may remain after a line search."""
RENEWALS = frozenset({0, 3, 10, 30, 90, 270, 810})
"""Steps before which the preconditioner is made of the probabilities reached."""


@dataclass
class Problem:
    """Data of one fit.

    features: centred rows (n, m); Y: (k, n) targets, 0 or 1; C: weight of the loss against the penalty;
    ridge: (m + 1,) the penalty of each parameter, 0 for intercepts that are not penalised; offset: (k, n) logits to
    which those of the parameters are added, None for 0.
    """

    features: Features
    Y: Matrix
    C: float
    loss: Loss
    ridge: Matrix
    offset: Matrix | None


@dataclass
class State:
    """State of the search: parameters V (k, m + 1), logits F and probabilities P (k, n), objective () or (k, 1).

    penalty: the part of the objective that is the penalty, in its shape.
    """

    V: Matrix
    F: Matrix
    P: Matrix
    objective: Matrix
    penalty: Matrix


@dataclass
class Line:
    """A direction of search: step (k, m + 1), and the change (k, n) of the logits along it.

    slope: of the objective at the state, below 0, () or (k, 1); penalty_slope, penalty_curvature: the first and second
    derivative of the penalty along the step, in the same shape.
    """

    step: Matrix
    change: Matrix
    slope: Matrix
    penalty_slope: Matrix
    penalty_curvature: Matrix


def solve(
    X: Matrix,
    Y: Matrix,
    C: float,
    loss: Loss,
    offset: Matrix | None = None,
    intercept_penalty: float = 0.0,
    tolerance: float = TOLERANCE,
) -> tuple[Matrix, Matrix]:
    """Returns the optimal weights (k, D) and intercepts (k,), both float64.

    X: (n, D), float32 or float64, finite; Y: (k, n) of any float type, the targets, with both 0 and 1 in every row
    unless the intercepts are penalised. C: weight of the loss against the penalty, above 0.
    offset: (k, n), logits that the rows have already; intercept_penalty: of the logits at the mean of the rows,
    in multiples of the penalty of a weight. tolerance: see `TOLERANCE`.
    If the search does not converge within MOST_STEPS steps, a warning is logged and the last state is returned.
    """
    dtype = np.float32 if _float32_is_enough(X, C) else np.float64
    mean = X.mean(axis=0, dtype=None if dtype is np.float32 else np.float64).astype(np.float64)
    features = centred(X, mean, len(Y), dtype)
    ridge: Matrix = np.ones(features.Z.shape[1], dtype=dtype)
    ridge[-1] = intercept_penalty
    offset = None if offset is None else offset.astype(dtype)
    V = _minimise(Problem(features, Y.astype(dtype), C, loss, ridge, offset), tolerance)
    W = features.expand(V[:, :-1]).astype(np.float64)
    return W, V[:, -1].astype(np.float64) - W @ mean


def _float32_is_enough(X: Matrix, C: float) -> bool:
    mean_square = float(np.vdot(X, X)) / X.size
    is_in_range = 1e-10 < C < 1e10 and 1e-12 < mean_square < 1e12 and C * mean_square < 1e12
    # float32 products cause a gradient error of about C √n 1e-7 times a typical row.
    return is_in_range and C * np.sqrt(len(X)) * mean_square * X.shape[1] <= FLOAT32_BOUND


def _minimise(problem: Problem, tolerance: float) -> Matrix:
    """Returns the parameters (k, m + 1) at the optimum."""
    features, C, loss, ridge = problem.features, problem.C, problem.loss, problem.ridge
    logit_tolerance = LOGIT_TOLERANCE * np.sqrt(tolerance / TOLERANCE)
    state, pairs = _start_state(problem), Pairs(loss)
    before: tuple[Matrix, Matrix] | None = None
    certain = CERTAIN * np.finfo(ridge.dtype).eps * problem.Y.shape[1]
    # Of several problems, those in which rounding hides any decrease must not keep the others from ending.
    is_stuck = np.zeros_like(state.objective, dtype=bool)
    for number in range(MOST_STEPS):
        if number in RENEWALS:
            inverse = inverse_diagonal(features, state.P, C, ridge)
        gradient = features.gather(state.P - problem.Y)
        gradient *= ridge.dtype.type(C)
        gradient += ridge * state.V
        if before is not None:
            pairs.add(before[0], gradient - before[1])
        line = _line(problem, state, gradient, pairs.times(gradient, inverse))
        is_done = is_stuck | (-line.slope <= tolerance * state.objective)
        if np.any(is_done):
            is_done &= is_stuck | (loss.largest(line.change) <= logit_tolerance)
        if np.all(is_done):
            return np.asarray(state.V + np.where(is_stuck, 0, line.step))
        length = _line_search(problem, state, line, is_done)
        is_stuck = is_stuck | (length == 0) | (state.objective - state.penalty <= C * certain)
        if np.all(is_stuck):
            return state.V
        before = length.astype(ridge.dtype) * line.step, gradient
    logger.warning(
        "the head did not converge within %d steps (n=%d, k=%d, C=%g); its last state is used",
        MOST_STEPS,
        problem.Y.shape[1],
        len(problem.Y),
        C,
    )
    return state.V


def _start_state(problem: Problem) -> State:
    Y, ridge = problem.Y, problem.ridge
    V = np.zeros((len(Y), len(ridge)), dtype=ridge.dtype)
    if problem.offset is None and not ridge[-1]:
        V[:, -1] = problem.loss.start(Y)
    F = np.repeat(V[:, -1:], Y.shape[1], axis=1)
    if problem.offset is not None:
        F += problem.offset
    value, P = problem.loss.value(F, Y)
    return State(V, F, P, problem.C * value, np.zeros_like(value))


def _line(problem: Problem, state: State, gradient: Matrix, step: Matrix) -> Line:
    """Returns the line along a step (k, m + 1), in the direction and with the length of Newton's step along it."""
    loss, change, ridge_step = problem.loss, problem.features.logits(step), problem.ridge * step
    slope, penalty_curvature = loss.dot(gradient, step), loss.dot(ridge_step, step)
    length = -_ratio(slope, problem.C * loss.curvature(state.P, change) + penalty_curvature)
    penalty_slope = loss.dot(ridge_step, state.V)
    step *= length.astype(step.dtype)
    change *= length.astype(step.dtype)
    return Line(step, change, length * slope, length * penalty_slope, length * length * penalty_curvature)


def _line_search(problem: Problem, state: State, line: Line, is_done: NDArray[np.bool_]) -> Matrix:
    """Move the state along the line, to where the slope is small, and return the length of the move, () or (k, 1).

    is_done: problems that have converged, for which any length will do.
    The length is 0 where rounding hides any decrease. Lengths above 1 occur for separable classes, whose optimal logits
    are large, so that one step is too short.
    """
    loss, C, Y, change = problem.loss, problem.C, problem.Y, line.change
    of_labels = loss.dot(Y, change)
    rounding = 10 * np.finfo(change.dtype).eps * state.objective
    length, low, high = np.ones_like(line.slope), np.zeros_like(line.slope), np.full_like(line.slope, np.inf)
    is_good = np.zeros_like(line.slope, dtype=bool)
    for tried in range(MOST_LENGTHS + 1):
        if tried == MOST_LENGTHS:
            length = np.where(is_good, length, 0.0)
        F = length.astype(change.dtype) * change
        F += state.F
        value, P = loss.value(F, Y)
        penalty = state.penalty + length * line.penalty_slope + length * length * line.penalty_curvature / 2
        slope = C * (loss.dot(P, change) - of_labels) + line.penalty_slope + length * line.penalty_curvature
        decreases = C * value + penalty <= state.objective + rounding
        is_good = is_done | (decreases & (np.abs(slope) <= -FLAT_SLOPE * line.slope))
        if np.all(is_good):
            break
        curvature = C * loss.curvature(P, change) + line.penalty_curvature
        low, high = np.where(slope < 0, length, low), np.where(slope > 0, length, high)
        newton = length - _ratio(slope, curvature)
        middle = np.where(np.isfinite(high), (low + high) / 2, 2 * low)
        is_inside = (newton > low) & (newton < np.minimum(high, 10 * length))
        length = np.where(is_good | (tried == MOST_LENGTHS), length, np.where(is_inside, newton, middle))
    state.V = state.V + length.astype(change.dtype) * line.step
    state.F, state.P, state.objective, state.penalty = F, P, C * value + penalty, penalty
    return length


def _ratio(above: Matrix, below: Matrix) -> Matrix:
    """Returns above / below, of the same shape, and 0 unless below > 0: there a problem is already solved exactly."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
