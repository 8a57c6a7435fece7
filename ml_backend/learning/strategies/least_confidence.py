"""Least confidence: 1 − p₁, the lower the top probability the sooner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.ranking import highest
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Lewis & Gale 1994, arXiv cmp-lg/9407020",
    summary=("Takes the texts whose top class is least probable. Looks at each text alone: a batch may repeat itself."),
    when="For small batches, and errors in the top class are what counts.",
    cost="one scoring of the pool",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The rows of highest 1 − p₁; multi-label: of highest mean over classes of min(p, 1 − p)."""
    p = pool.probabilities
    score = np.minimum(p, 1 - p).mean(axis=1) if pool.multi_label else 1 - p.max(axis=1)
    picks: NDArray[np.int64] = pool.unlabeled[highest(score, batch_size, rng.permutation(len(pool.unlabeled)))]
    return picks
