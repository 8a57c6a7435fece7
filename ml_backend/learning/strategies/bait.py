"""BAIT: the batch whose Fisher information fits that of the pool best, by greedy addition and then removal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.head.uncertainty import least_confidence
from ml_backend.learning.numerics.distances import Matrix
from ml_backend.learning.numerics.fisher import add_greedily, drop_greedily, scatter, symmetric_inverse
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Ash et al. 2021, arXiv 2106.09675; the binary form is that of dal-toolbox",
    summary=(
        "Takes the batch that most lowers the variance that the head's Fisher information predicts over the pool. "
        "First adds twice as many texts as needed, then removes those that contribute least."
    ),
    when="From medium budgets on. Takes the longest of all strategies to choose a batch.",
    cost="a few passes over at most `exact_up_to` texts, and D × D matrices, D the dimensions of the embedding",
)


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    regularisation: float = 1.0,
    oversample: int = 2,
    exact_up_to: int = 50_000,
) -> NDArray[np.int64]:
    """Rows that minimise tr(M⁻¹ F), (batch_size,) int64: added greedily, then removed one by one.

    oversample × batch_size rows are added, and those whose removal raises the trace least are removed until batch_size
    are left. In the binary cross-entropy form the Fisher information of a row is w x xᵀ with w = p₁ (1 − p₁). It is
    D × D instead of CD × CD, for D dimensions and C classes. Multi-label: w is the mean over the classes of p (1 − p).
    F is the mean information of the unlabelled and labelled rows. With n labelled rows and a batch of b,
    M = regularisation · s · I + n / (n + b) · (mean information of the labelled) + b / (n + b) · Σ over the batch,
    as in the authors' code except for s. s is the mean square of the embeddings' coordinates, and makes the
    regularisation independent of the scale of the embeddings: without it, 1 would outweigh all labels on vectors of
    length 1, and rows of one direction would be picked again and again.

    exact_up_to: of more unlabelled rows, only a random sample of this size is used. Ties by the generator.
    """
    pool = pool.sample(max(exact_up_to, batch_size), rng)
    assert pool.head is not None
    x, xl = pool.unlabeled_embeddings(slice(None)), pool.rows(pool.labeled)
    n, b = len(xl), batch_size
    w = mean_variance(pool.probabilities) if pool.multi_label else top_variance(pool.scores(least_confidence))
    wl = (
        mean_variance(pool.head.predict_proba(xl))
        if pool.multi_label
        else top_variance(least_confidence(pool.head, xl))
    )
    labelled = scatter(xl, wl) if n else 0
    fisher = (scatter(x, w) + labelled) / (len(x) + n)
    ridge = regularisation * (float(np.vdot(x, x)) / x.size or 1.0)
    inverse = symmetric_inverse(ridge * np.eye(x.shape[1]) + labelled / (n + b))
    picks = add_greedily(x, w * np.float32(b / (n + b)), fisher, inverse, min(oversample * b, len(x)), rng)
    survivors = drop_greedily(x[picks], w[picks] * np.float32(b / (n + b)), fisher, inverse, b)
    chosen: NDArray[np.int64] = pool.unlabeled[picks[survivors]]
    return chosen


def mean_variance(p: Matrix) -> Matrix:
    """The mean over the classes of p (1 − p) for probabilities p (m, n_classes) float32, (m,) float32."""
    mean: Matrix = (p * (1 - p)).mean(axis=1)
    return mean


def top_variance(rest: Matrix) -> Matrix:
    """p₁ (1 − p₁) from `rest`, which is 1 − p₁, where p₁ is the highest probability; (m,) float32."""
    return rest * (1 - rest)
