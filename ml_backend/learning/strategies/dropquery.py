"""DropQuery: clusters of the texts whose prediction flips when most of the embedding is dropped."""

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
        "Keeps texts whose prediction flips when three quarters of the embedding are dropped, and clusters them. "
        "Takes the text nearest to each centre."
    ),
    when="Few labels and a good embedding.",
    cost="three scorings of the pool, and a k-means with a cluster a pick",
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
    """The rows nearest to the centres of a k-means with batch_size clusters on the normalised candidates.

    Candidates: rows whose prediction differs from that without dropout in more than half of the `passes`; when they
    are fewer than batch_size, the rows with the next most flips fill them up. Defaults: dal-toolbox, of the
    group of the benchmark. A multi-label prediction differs when any class flips. Dropped values are 0, the others
    scaled by 1 / (1 − dropout). training_rows: of `kmeans`.
    """
    flips = count_flips(pool, passes, dropout, rng)
    candidates = np.flatnonzero(2 * flips > passes)
    if len(candidates) <= batch_size:
        picks: NDArray[np.int64] = pool.unlabeled[highest(flips, batch_size, rng.permutation(len(flips)))]
        return picks
    picks = pool.unlabeled[nearest_to_cluster_centres(pool, candidates, batch_size, rng, training_rows)]
    return picks


def count_flips(pool: Pool, passes: int, dropout: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many of the passes with dropout predict something else than the pass without, (m,)."""
    m = len(pool.unlabeled)
    flips = np.zeros(m, dtype=np.int64)
    pool.unlabeled_embeddings(slice(0, 0))  # so that not every thread copies the rows that are held
    # A seed for each block, so that blocks need not wait for one another's draws.
    seeds = rng.integers(2**63, size=-(-m // ROWS_AT_A_TIME))

    def count(block: slice) -> None:
        x, draws = pool.unlabeled_embeddings(block), np.random.default_rng(seeds[block.start // ROWS_AT_A_TIME])
        predicted = _predictions(pool, x)
        for _ in range(passes):
            kept = draws.random(x.shape, dtype=np.float32) >= np.float32(dropout)
            dropped = x * kept
            dropped *= np.float32(1 / (1 - dropout))
            flips[block] += (_predictions(pool, dropped) != predicted).any(axis=1)

    over_blocks(count, m)
    return flips


def _predictions(pool: Pool, x: Matrix) -> NDArray[Any]:
    """What the head predicts, a row for each of x: (len, 1) the class, or, multi-label, (len, n_classes) which ones."""
    assert pool.head is not None
    logits = pool.head.decision_function(x)
    if pool.multi_label:
        some: NDArray[Any] = logits > 0
        return some
    logits[:, ~pool.head.seen] = -np.inf
    top: NDArray[Any] = logits.argmax(axis=1)
    return top[:, None]
