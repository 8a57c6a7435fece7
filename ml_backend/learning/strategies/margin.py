"""Margin: the texts with the highest 1 − (p₁ − p₂), where p₁ and p₂ are the two highest probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.head.uncertainty import closeness, closeness_to_half
from ml_backend.learning.numerics.ranking import highest
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Scheffer et al. 2001, Active Hidden Markov Models for Information Extraction",
    summary=(
        "Takes the texts whose two most probable classes have the closest probabilities. "
        "Sharpens the boundaries between classes that the model confuses."
    ),
    when="From a few labels per class on. Strong with many classes.",
    cost="one scoring of the pool",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The rows with the highest 1 − (p₁ − p₂), (batch_size,) int64, highest first.

    Multi-label: the rows with the highest mean over the classes of 1 − |2p − 1|; see `closeness_to_half`.
    Ties by the generator.
    """
    score = closeness_to_half(pool.probabilities) if pool.multi_label else pool.scores(closeness)
    picks: NDArray[np.int64] = pool.unlabeled[highest(score, batch_size, rng.permutation(len(score)))]
    return picks
