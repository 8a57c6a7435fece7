"""Random: uniform without replacement, the baseline every strategy must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="baseline",
    summary="Draws uniformly. The batch looks like the pool, so that accuracy measured on it is honest.",
    when="As the baseline, and for labels that are to serve as a test set.",
    cost="nothing",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A uniform draw from the unlabelled rows, (batch_size,) int64."""
    return rng.choice(pool.unlabeled, size=batch_size, replace=False)
