"""Entropy: the texts with the highest −Σ p log p, those whose probabilities are spread most evenly."""

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
    paper="Shannon 1948; Settles 2009, Active Learning Literature Survey",
    summary=(
        "Takes the texts whose probabilities are spread most evenly over all classes. Unlike margin, it counts "
        "improbable classes too."
    ),
    when="With few classes. With 77 classes it was worse than random for most of 1,600 labels.",
    cost="one scoring of the pool",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The rows whose probabilities have the highest entropy, (batch_size,) int64, highest first.

    Multi-label: the rows with the highest mean over the classes of the binary entropy. Ties by the generator.
    """
    score = _mean_binary_entropy(pool.probabilities) if pool.multi_label else pool.scores(uncertainty.entropy)
    picks: NDArray[np.int64] = pool.unlabeled[highest(score, batch_size, rng.permutation(len(pool.unlabeled)))]
    return picks


def _mean_binary_entropy(p: NDArray[np.float32]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = (_terms(p) + _terms(1 - p)).mean(axis=1)
    return mean


def _terms(p: NDArray[np.float32]) -> NDArray[np.float32]:
    # The smallest positive float replaces 0 in the logarithm; the term of p = 0 is 0 all the same.
    log = np.log(np.maximum(p, np.finfo(np.float32).tiny))
    log *= p
    terms: NDArray[np.float32] = np.negative(log, out=log)
    return terms
