"""Random: a uniform draw without replacement, the baseline that every strategy has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="baseline",
    summary="Draws texts uniformly at random. The batch represents the pool, so accuracy measured on it is unbiased.",
    when="As the baseline, and for labels that will serve as a test set.",
    cost="nothing",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A uniform draw from the unlabelled rows without replacement, (batch_size,) int64. Labels are not used."""
    return rng.choice(pool.unlabeled, size=batch_size, replace=False)
