"""Finds the optimum of L2-regularised logistic regression with truncated Newton steps.

The objective is that of scikit-learn's LogisticRegression: C · Σ log loss + ½‖W‖², with an unpenalised intercept; or,
around given logits, the same with a penalty on the intercepts too.
Each Newton step is solved with conjugate gradients, and only to the precision that is useful (Dembo, Eisenstat,
Steihaug: Inexact Newton Methods, 1982; for logistic regression Lin, Weng, Keerthi: Trust Region Newton Method for
Logistic Regression, 2008). Where the Hessian is small, the step is solved exactly.
Matrix products are float32 far from the optimum, and always in products with the Hessian. The last steps follow the
float64 gradient to the float64 optimum.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from ml_backend.learning.head.features import Features, centred, gather, logits, principal, product_cost
from ml_backend.learning.head.losses import Loss, Matrix

logger = logging.getLogger(__name__)

COARSE_TOLERANCE = 1e-4
"""Once a step's predicted decrease is at most this fraction of the objective, steps use the float64 gradient.

The predicted decrease is of first order: −gradient · step.
"""
OBJECTIVE_TOLERANCE = 1e-8
"""The search ends with a step whose predicted decrease is at most this fraction of the objective.

What is left to gain after that step is far less.
"""
LOGIT_TOLERANCE = 3e-3
"""The last step changes the logits of a labelled row at a typical distance from the mean by less than this."""
FLOAT32_BOUND = 1000.0
"""Below this value of C √n |x|² the last steps use the float32 gradient too; logits change by at most 1e-4."""
MOST_STEPS = 200
"""Largest number of Newton steps."""
MOST_ITERATIONS = 500
"""Largest number of conjugate-gradient iterations per step."""
MOST_LENGTHS = 40
"""Largest number of lengths that a line search tries."""
LOOSEST, TIGHTEST = 0.5, 0.1
"""Fraction of the gradient's norm that may remain after a truncated step, far from the optimum and near it."""
FLAT_SLOPE = 0.1
"""Fraction of the initial slope that may remain after a line search."""

# Costs in multiply-adds of a large product. They decide which algorithm is used, and have no effect on the optimum.
CALL_COST = 1.5e6
"""Cost of the Python calls in one conjugate-gradient iteration."""
ELEMENT_COST = 60
"""Cost of one probability in one conjugate-gradient iteration."""
USUAL_ITERATIONS = 5
"""Expected number of conjugate-gradient iterations of the first step."""
EIGENVECTOR_COST = 12
"""Cost of the eigenvectors of an (m, m) matrix, in multiples of m³."""


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
    """State of the search: parameters V (k, m + 1), logits F and probabilities P (k, n), objective () or (k, 1)."""

    V: Matrix
    F: Matrix
    P: Matrix
    objective: Matrix


def solve(
    X: Matrix, Y: Matrix, C: float, loss: Loss, offset: Matrix | None = None, intercept_penalty: float = 0.0
) -> tuple[Matrix, Matrix]:
    """Returns the optimal weights (k, D) and intercepts (k,), both float64.

    X: (n, D), float32 or float64, finite; Y: (k, n) float64, the targets, with both 0 and 1 in every row unless the
    intercepts are penalised. C: weight of the loss against the penalty, above 0.
    offset: (k, n) float64, logits that the rows have already; intercept_penalty: of the logits at the mean of the rows,
    in multiples of the penalty of a weight.
    If the search does not converge within MOST_STEPS steps, a warning is logged and the last state is returned.
    """
    mean_square = float(np.vdot(X, X)) / X.size
    float32_is_safe = 1e-10 < C < 1e10 and 1e-12 < mean_square < 1e12 and C * mean_square < 1e12
    mean = X.mean(axis=0, dtype=None if float32_is_safe else np.float64).astype(np.float64)
    # float32 products cause a gradient error of about C √n 1e-7 times a typical row. Where that hardly changes logits,
    # a binary fit, which is memory-bound, does without the float64 copy and so reads half as much.
    float32_is_enough = (
        len(Y) == 1 and float32_is_safe and C * np.sqrt(len(X)) * mean_square * X.shape[1] < FLOAT32_BOUND
    )
    features = centred(X, mean, len(Y), np.float32 if float32_is_safe else np.float64, float32_is_enough)
    ridge = np.r_[np.ones(features.dimensions), intercept_penalty]
    problem = Problem(features, Y, C, loss, ridge, offset)
    V = _minimise(problem).V
    W = problem.features.expand(V[:, :-1])
    return W, V[:, -1] - W @ mean


def _minimise(problem: Problem) -> State:
    Y, C, loss = problem.Y, problem.C, problem.loss
    n, m, k = Y.shape[1], problem.features.dimensions, len(Y)
    iteration_cost = 2 * product_cost(n, m, k) + CALL_COST + ELEMENT_COST * n * k
    exact_cost = loss.newton_cost(n, m + 1, k)
    rotation_cost = EIGENVECTOR_COST * m**3 + n * m * m
    state, spread = _start_state(problem), problem.features.spread()
    iterations, cost_so_far, exact, coarse, rotated = USUAL_ITERATIONS, 0.0, False, True, False
    for _ in range(MOST_STEPS):
        Z = problem.features.narrow if coarse else problem.features.wide
        gradient = problem.ridge * state.V + C * gather(state.P - Y, Z)
        exact = exact or exact_cost <= iterations * iteration_cost
        if exact:
            step = loss.newton_step(problem.features.padded, state.P, gradient, C, problem.ridge)
        else:
            step, iterations = _truncated_step(problem, state, gradient, spread)
            cost_so_far += iterations * iteration_cost
        decrease = -loss.dot(gradient, step)
        tolerance = COARSE_TOLERANCE * state.objective if coarse else _fine_tolerance(state, spread)
        length = _line_search(problem, state, step, logits(step, Z), decrease, tolerance)
        is_done = (length == 0) | ((decrease <= tolerance) & (coarse | (length == 1)))
        if np.all(is_done):
            if not coarse:
                return state
            coarse = False
            _recompute_in_float64(problem, state)
        elif coarse and not exact and not rotated and cost_so_far > rotation_cost:
            problem.features, axes = principal(problem.features)
            state.V[:, :-1] = state.V[:, :-1] @ axes
            spread, rotated = problem.features.spread(), True
    logger.warning(
        "the head did not converge within %d steps (n=%d, k=%d, C=%g); its last state is used", MOST_STEPS, n, k, C
    )
    return state


def _fine_tolerance(state: State, spread: Matrix) -> Matrix:
    # The penalty gives the objective a curvature of at least 1, so a step with q = −gradient · step changes the
    # weights by √q at most.
    tolerance: Matrix = np.minimum(OBJECTIVE_TOLERANCE * state.objective, LOGIT_TOLERANCE**2 / spread.sum())
    return tolerance


def _start_state(problem: Problem) -> State:
    V = np.zeros((len(problem.Y), len(problem.ridge)))
    if problem.offset is None and not problem.ridge[-1]:
        V[:, -1] = problem.loss.start(problem.Y)
    F = np.repeat(V[:, -1:], problem.Y.shape[1], axis=1)
    if problem.offset is not None:
        F += problem.offset
    value, P = problem.loss.value(F, problem.Y)
    return State(V, F, P, problem.C * value)


def _recompute_in_float64(problem: Problem, state: State) -> None:
    """Compute logits, probabilities and objective again in float64, as rounding errors of float32 have added up."""
    state.F = logits(state.V, problem.features.wide)
    if problem.offset is not None:
        state.F += problem.offset
    value, state.P = problem.loss.value(state.F, problem.Y)
    state.objective = problem.C * value + problem.loss.dot(problem.ridge * state.V, state.V) / 2


def _truncated_step(problem: Problem, state: State, gradient: Matrix, spread: Matrix) -> tuple[Matrix, int]:
    """Returns a step (k, m + 1) float64 that removes most of the gradient (k, m + 1), and its number of iterations."""
    Z, dot, curve = problem.features.narrow, problem.loss.dot, problem.loss.curve
    low_precision = Z.dtype.type
    C, ridge, P = low_precision(problem.C), problem.ridge.astype(low_precision), state.P.astype(low_precision)
    # With certain probabilities the curvature of an intercept is 0, and the division needs a small positive number.
    curvature = problem.C * np.maximum((state.P * (1 - state.P)).sum(axis=1, keepdims=True), 1e-7 * len(Z))
    diagonal = (problem.ridge + curvature * spread).astype(low_precision)
    r = (-gradient).astype(low_precision)
    z = r / diagonal
    rz = first = dot(r, z)
    remaining = np.clip(np.sqrt(np.max(first / state.objective)), TIGHTEST, LOOSEST)
    p, step = z.copy(), np.zeros_like(r)
    iterations = 0
    while iterations < MOST_ITERATIONS:
        iterations += 1
        Hp = C * gather(curve(P, logits(p, Z)), Z)
        Hp += ridge * p
        length = _ratio(rz, dot(p, Hp))
        step += length * p
        r -= length * Hp
        z = r / diagonal
        rz_before, rz = rz, dot(r, z)
        if np.all(rz <= remaining * remaining * first):
            break
        p *= _ratio(rz, rz_before)
        p += z
    return step.astype(np.float64), iterations


def _ratio(above: Matrix, below: Matrix) -> Matrix:
    """Returns above / below, of the same shape, and 0 unless below > 0: there a problem is already solved exactly."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _line_search(
    problem: Problem, state: State, step: Matrix, change: Matrix, decrease: Matrix, tolerance: Matrix
) -> Matrix:
    """Move the state along the step, to where the slope is small, and return the length of the move, () or (k, 1).

    step: (k, m + 1); change: (k, n), the change of the logits by a step of length 1; decrease: −gradient · step, the
    predicted decrease of the objective; tolerance: decreases below this need no care. decrease and tolerance have the
    shape of the objective.
    The length is 0 where rounding hides any decrease. Lengths above 1 occur for separable classes, whose optimal logits
    are large, so that one Newton step is too short.
    """
    loss, C, Y = problem.loss, problem.C, problem.Y
    ridge_step = problem.ridge * step
    penalty_slope, penalty_curvature = loss.dot(ridge_step, state.V), loss.dot(ridge_step, step)
    penalty = loss.dot(problem.ridge * state.V, state.V) / 2
    length, low, high = np.ones_like(decrease), np.zeros_like(decrease), np.full_like(decrease, np.inf)
    is_good = np.zeros_like(decrease, dtype=bool)
    for tried in range(MOST_LENGTHS + 1):
        if tried == MOST_LENGTHS:
            length = np.where(is_good, length, 0.0)
        F = state.F + length * change
        value, P = loss.value(F, Y)
        objective = C * value + penalty + length * penalty_slope + length * length * penalty_curvature / 2
        slope = C * loss.dot(P - Y, change) + penalty_slope + length * penalty_curvature
        decreases = objective <= state.objective - 1e-4 * length * decrease + 1e-3 * tolerance
        is_good = decreases & (np.abs(slope) <= FLAT_SLOPE * np.maximum(decrease, tolerance))
        if np.all(is_good):
            break
        curvature = C * loss.dot(loss.curve(P, change), change) + penalty_curvature
        low, high = np.where(slope < 0, length, low), np.where(slope > 0, length, high)
        newton = length - _ratio(slope, curvature)
        middle = np.where(np.isfinite(high), (low + high) / 2, 2 * low)
        is_inside = (newton > low) & (newton < np.minimum(high, 10 * length))
        length = np.where(is_good | (tried == MOST_LENGTHS), length, np.where(is_inside, newton, middle))
    state.V += length * step
    state.F, state.P, state.objective = F, P, objective
    return length
