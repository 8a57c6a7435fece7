"""TCM: TypiClust in the first cycles, then margin."""

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
        "Uses typiclust while there are few labels, and margin afterwards, so each is used where it is strong. "
        "Only one number has to be chosen."
    ),
    when="When a project starts without labels and one setting should serve until its end.",
    cost="that of typiclust at first, then that of margin",
)

FIRST_BATCHES = 3
"""Number of batches that typiclust chooses. This is our choice; the paper gives no number."""


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    typiclust_up_to: int = 300,
) -> NDArray[np.int64]:
    """The picks of typiclust while there is no head or too few labels, then those of margin; (batch_size,) int64.

    typiclust_up_to: margin is used from this number of labelled rows on. It stands for the first cycles of the paper.
    The default is FIRST_BATCHES batches of the benchmark's size; `Cycle` sets it to FIRST_BATCHES batches of its own
    size. It cannot be derived from batch_size, since a call may also be for a reserve, or for more rows than are kept.
    Multi-label: as typiclust and margin.
    """
    stage = typiclust if pool.head is None or len(pool.labeled) < typiclust_up_to else margin
    picks: NDArray[np.int64] = stage.select(pool, batch_size, rng)
    return picks
