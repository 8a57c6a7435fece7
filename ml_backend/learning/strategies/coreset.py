"""CoreSet: k-centre greedy, the row farthest from everything labelled or picked."""

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
        "Takes the text farthest from all that is labelled or picked, again and again. "
        "Spreads to the edges, outliers first."
    ),
    when="Clean data in which rare kinds of text matter; a poor start on noisy text.",
    cost="distances to all labelled texts and all picks",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows by greatest Euclidean distance to the nearest labelled or picked row, updated pick by pick.

    Without labelled rows the first pick is uniform. Ties by the generator. Labels are not looked at.
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
            nearest.look(farthest)
            continue
        picks.append(farthest)
        nearest.add_point(farthest)
        # Bounds only fall, so that what is picked stays behind rows at distance 0.
        nearest.bound[farthest] = -1
    chosen: NDArray[np.int64] = pool.unlabeled[picks]
    return chosen
