"""CoreSet: greedy k-centre, each pick is the row farthest from all labelled and picked rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.neighbours import Nearest, Points
from ml_backend.learning.numerics.ranking import first_highest
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="Sener & Savarese 2018, arXiv 1708.00489",
    summary=(
        "Takes, one after another, the text that is farthest from all labelled and picked texts. "
        "Covers the data to its edges, and takes outliers first."
    ),
    when="For clean data in which rare kinds of text matter. A poor start on noisy text.",
    cost="distances to all labelled texts and all picks",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows with the greatest Euclidean distance to the nearest labelled or picked row, (batch_size,) int64.

    The distances are updated after each pick. Without labelled rows the first pick is drawn uniformly. Only which rows
    are labelled matters, not their labels, so multi-label pools are treated the same. Ties by the generator.
    """
    m = len(pool.unlabeled)
    nearest = Nearest(Points(m, pool.unlabeled_embeddings))
    rank = rng.permutation(m)
    if len(pool.labeled):
        nearest.add([pool.rows(pool.labeled)])
    picks: list[int] = []
    while len(picks) < batch_size:
        farthest = first_highest(nearest.bound, rank)
        if not nearest.current(farthest):
            nearest.update(farthest)
            continue
        picks.append(farthest)
        nearest.add_point(farthest)
        # Bounds never rise, so a picked row stays behind all others, even behind rows at distance 0.
        nearest.bound[farthest] = -1
    chosen: NDArray[np.int64] = pool.unlabeled[picks]
    return chosen
