"""Margin: 1 − (p₁ − p₂), the closer the two top classes the sooner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.head.uncertainty import closeness
from ml_backend.learning.numerics.ranking import highest
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Scheffer et al. 2001, Active Hidden Markov Models for Information Extraction",
    summary=(
        "Takes the texts whose two top classes are closest. Sharpens the borders between classes that get confused."
    ),
    when="From a few labels a class on; strong with many classes.",
    cost="one scoring of the pool",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The rows of highest `closeness`."""
    score = closeness(pool.probabilities, pool.multi_label)
    picks: NDArray[np.int64] = pool.unlabeled[highest(score, batch_size, rng.permutation(len(score)))]
    return picks
