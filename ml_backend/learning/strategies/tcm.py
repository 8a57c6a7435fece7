"""TCM: TypiClust for the first cycles, then margin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.pool import Pool
from ml_backend.learning.strategies import margin, typiclust

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="Doucet et al. 2024, arXiv 2403.03728",
    summary=(
        "typiclust while labels are few, margin afterwards. Both where they are strong, with one number to choose."
    ),
    when="When a project starts from nothing and a single setting should see it through.",
    cost="that of typiclust, then of margin",
)

FIRST_BATCHES = 3
"""Ours; the paper leaves it to the reader."""


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    typiclust_up_to: int = 300,
) -> NDArray[np.int64]:
    """typiclust's picks while fewer than `typiclust_up_to` rows are labelled or there is no head, then margin's.

    typiclust_up_to: the first cycles of the paper. By default FIRST_BATCHES of the benchmark's size; a project's cycle
    names FIRST_BATCHES of its own. The number asked for in one call says nothing about it: a call may be for a reserve,
    or for more than is kept.
    """
    stage = typiclust if pool.head is None or len(pool.labeled) < typiclust_up_to else margin
    picks: NDArray[np.int64] = stage.select(pool, batch_size, rng)
    return picks
