"""DropQuery: clusters the texts whose prediction changes when most values of the embedding are set to 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.batch.diversity import nearest_to_cluster_centres
from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.distances import Matrix
from ml_backend.learning.numerics.ranking import highest
from ml_backend.learning.numerics.threads import ROWS_AT_A_TIME, over_blocks
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Gupte et al. 2024, arXiv 2401.14555",
    summary=(
        "Keeps the texts whose prediction changes when three quarters of the embedding's values are set to 0, "
        "and groups them into clusters. Takes the text nearest to the centre of each cluster."
    ),
    when="For few labels and a good embedding.",
    cost="three scorings of the pool with values set to 0 and one without, and a k-means with one cluster per pick",
)


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    passes: int = 3,
    dropout: float = 0.75,
    training_rows: int | None = None,
) -> NDArray[np.int64]:
    """The candidates nearest to the centres of a k-means with batch_size clusters, (batch_size,) int64.

    Candidates are the unlabelled rows whose prediction with dropout differs from that without in more than half of the
    `passes`. Dropout sets each value of the embedding to 0 with probability `dropout` and scales the others by
    1 / (1 − dropout). Clusters are made of candidates scaled to length 1. If there are no more than batch_size
    candidates, the rows with the most changed predictions are picked instead, ties by the generator.

    Multi-label: a prediction differs when that of any class does. training_rows: see `kmeans`. The defaults are those
    of dal-toolbox, by the authors of the benchmark.
    """
    flips = count_flips(pool, passes, dropout, rng)
    candidates = np.flatnonzero(2 * flips > passes)
    if len(candidates) <= batch_size:
        picks: NDArray[np.int64] = pool.unlabeled[highest(flips, batch_size, rng.permutation(len(flips)))]
        return picks
    picks = pool.unlabeled[nearest_to_cluster_centres(pool, candidates, batch_size, rng, training_rows)]
    return picks


def count_flips(pool: Pool, passes: int, dropout: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """In how many of the passes with dropout each unlabelled row's prediction differs from that without, (m,) int64."""
    m = len(pool.unlabeled)
    flips = np.zeros(m, dtype=np.int64)
    pool.unlabeled_embeddings(slice(0, 0))  # the pool may copy its rows at the first call: not in every thread
    # One seed per block, so that a block's draws do not depend on other blocks and blocks can run in parallel.
    seeds = rng.integers(2**63, size=-(-m // ROWS_AT_A_TIME))

    def count(block: slice) -> None:
        x, draws = pool.unlabeled_embeddings(block), np.random.default_rng(seeds[block.start // ROWS_AT_A_TIME])
        predicted = _predictions(pool, x)
        for _ in range(passes):
            mask = draws.random(x.shape, dtype=np.float32) >= np.float32(dropout)
            dropped = x * mask
            dropped *= np.float32(1 / (1 - dropout))
            flips[block] += (_predictions(pool, dropped) != predicted).any(axis=1)

    over_blocks(count, m)
    return flips


def _predictions(pool: Pool, x: Matrix) -> NDArray[Any]:
    """The head's prediction for each row of x (k, D): (k, 1) int64 the class; multi-label, (k, n_classes) bool."""
    assert pool.head is not None
    logits = pool.head.decision_function(x)
    if pool.multi_label:
        positive: NDArray[Any] = logits > 0
        return positive
    logits[:, ~pool.head.seen] = -np.inf
    top: NDArray[Any] = logits.argmax(axis=1)
    return top[:, None]
