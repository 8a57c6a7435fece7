"""Random: uniform without replacement, the baseline every strategy must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.pool import Pool

NEEDS_HEAD = False
MULTI_LABEL = True
PAPER = "baseline"
SUMMARY = "Draws uniformly. The batch looks like the pool, so that accuracy measured on it is honest."
WHEN = "As the baseline, and for labels that are to serve as a test set."
COST = "nothing"


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A uniform draw from the unlabelled rows, (batch_size,) int64."""
    return rng.choice(pool.unlabeled, size=batch_size, replace=False)
