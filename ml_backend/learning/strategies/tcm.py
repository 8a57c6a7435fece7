"""TCM: TypiClust for the first cycles, then margin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.pool import Pool
from ml_backend.learning.strategies import margin, typiclust

NEEDS_HEAD = False
MULTI_LABEL = True
PAPER = "Doucet et al. 2024, arXiv 2403.03728"
SUMMARY = "typiclust while labels are few, margin afterwards. Both where they are strong, with one number to choose."
WHEN = "When a project starts from nothing and a single setting should see it through."
COST = "that of typiclust, then of margin"


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    typiclust_up_to: int | None = None,
) -> NDArray[np.int64]:
    """typiclust's picks while fewer than `typiclust_up_to` rows are labelled or there is no head, then margin's.

    typiclust_up_to: 3 × batch_size by default, the first cycles of the paper; the number is ours.
    """
    first = 3 * batch_size if typiclust_up_to is None else typiclust_up_to
    stage = typiclust if pool.head is None or len(pool.labeled) < first else margin
    picks: NDArray[np.int64] = stage.select(pool, batch_size, rng)
    return picks
