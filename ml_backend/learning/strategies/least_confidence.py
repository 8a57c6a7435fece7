"""Least confidence: the texts with the highest 1 − p₁, where p₁ is the highest probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.head import uncertainty
from ml_backend.learning.numerics.ranking import highest
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Lewis & Gale 1994, arXiv cmp-lg/9407020",
    summary=(
        "Takes the texts whose most probable class has the lowest probability. "
        "Looks at each text alone, so a batch may hold several texts that are nearly the same."
    ),
    when="For small batches, and when errors in the most probable class are what counts.",
    cost="one scoring of the pool",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The rows with the highest 1 − p₁, (batch_size,) int64, highest first.

    Multi-label: the rows with the highest mean over the classes of min(p, 1 − p). Ties by the generator.
    """
    score = _mean_of_rest(pool.probabilities) if pool.multi_label else pool.scores(uncertainty.least_confidence)
    picks: NDArray[np.int64] = pool.unlabeled[highest(score, batch_size, rng.permutation(len(pool.unlabeled)))]
    return picks


def _mean_of_rest(p: NDArray[np.float32]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = np.minimum(p, 1 - p).mean(axis=1)
    return mean
