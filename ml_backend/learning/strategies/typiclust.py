"""TypiClust: the most typical text of each of the largest clusters without a label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.distances import ROUNDING, Index, Matrix, squared_distances, squared_norms
from ml_backend.learning.numerics.kmeans import kmeans
from ml_backend.learning.numerics.ranking import coarse
from ml_backend.learning.numerics.threads import over_blocks
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="Hacohen et al. 2022, arXiv 2202.02794",
    summary=(
        "Groups the texts into clusters, and takes the most typical text of each of the largest clusters "
        "without a label. Covers each common kind of text once."
    ),
    when="For the first labels, above all with a good embedding. Less and less useful after a few hundred labels.",
    cost="one k-means with up to 500 clusters",
)

LLOYD_ITERATIONS = 3
"""Number of Lloyd iterations: with more, the clusters are tighter by a few percent, and accuracy is the same."""


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    max_clusters: int = 500,
    neighbours: int = 20,
    min_cluster_size: int = 1,
    exact_up_to: int = 4_000,
    training_rows: int | None = None,
) -> NDArray[np.int64]:
    """The unlabelled row of highest typicality from each cluster in turn, (batch_size,) int64.

    The clusters are those of a k-means on labelled and unlabelled rows with min(labelled + batch_size, max_clusters)
    clusters. Those with the fewest labelled rows come first, and among them the largest. Typicality is 1 / mean
    distance to the min(neighbours, size − 1) nearest neighbours inside the cluster, labelled or not. When every cluster
    has given a row and the batch is not full, each gives its next row; when all their rows are picked, the rest of the
    batch is drawn uniformly from the other unlabelled rows. Only which rows are labelled matters, not their labels, so
    multi-label pools are treated the same. Ties by the generator.

    min_cluster_size: smaller clusters are left out. The authors' code has 6; 1 is the value of the benchmark, from
    which the other defaults are too.
    exact_up_to: in larger clusters, neighbours and picks come from a random sample of this many unlabelled rows.
    training_rows: see `kmeans`.
    """
    rows = np.sort(np.concatenate([pool.labeled, pool.unlabeled]))
    is_labeled = np.isin(rows, pool.labeled, assume_unique=True)
    k = min(len(pool.labeled) + batch_size, max_clusters, len(rows))

    def vectors(index: Index) -> Matrix:
        return pool.rows(rows[index])

    clusters = kmeans(vectors, len(rows), k, rng, iterations=LLOYD_ITERATIONS, training_rows=training_rows)
    assigned = clusters.assigned
    with_label = np.bincount(assigned[is_labeled], minlength=k)
    sizes = np.bincount(assigned, minlength=k)
    by_cluster = np.argsort(assigned, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    queues = []
    for c in np.lexsort((rng.permutation(k), -sizes, with_label)):
        members = by_cluster[starts[c] : starts[c + 1]]
        if len(members) < min_cluster_size or is_labeled[members].all():
            continue
        if len(members) > exact_up_to:
            unlabelled = members[~is_labeled[members]]
            members = np.sort(rng.choice(unlabelled, min(exact_up_to, len(unlabelled)), replace=False))
        x = vectors(members)
        distances = coarse(mean_distances(x, neighbours), float(np.sqrt(squared_norms(x).max())))
        order = np.lexsort((rng.permutation(len(members)), distances))
        queues.append([m for m in members[order] if not is_labeled[m]])
        if len(queues) == batch_size:
            break
    picks = rows[_in_turn(queues, batch_size)]
    rest = np.setdiff1d(pool.unlabeled, picks) if len(picks) < batch_size else picks[:0]
    return np.concatenate([picks, rng.choice(rest, batch_size - len(picks), replace=False)])


def mean_distances(x: Matrix, neighbours: int) -> NDArray[np.float64]:
    """Mean Euclidean distance of each row of x (n, D) float32 to its nearest other rows, (n,) float64.

    The mean is over the min(neighbours, n − 1) nearest rows; 0 for a single row.
    """
    n, count = len(x), min(neighbours, len(x) - 1)
    if not count:
        return np.zeros(n)
    x = x - x.mean(axis=0)
    squared = squared_norms(x)
    out = np.empty(n)

    def fill(block: slice) -> None:
        d = squared_distances(x[block], x, squared[block], squared)
        d[np.arange(len(d)), np.arange(block.start, block.stop)] = np.inf
        near = np.partition(d, count - 1, axis=1)[:, :count]
        # Rounding leaves a small distance between equal rows; it is 0.
        near[near < ROUNDING * squared.max()] = 0
        out[block] = np.sqrt(near).mean(axis=1, dtype=np.float64)

    over_blocks(fill, n, 512)
    return out


def _in_turn(queues: list[list[int]], count: int) -> list[int]:
    """The first entry of every queue, then the second of every queue and so on; at most `count` entries."""
    picks: list[int] = []
    for turn in range(max(map(len, queues), default=0)):
        picks += [queue[turn] for queue in queues if turn < len(queue)]
        if len(picks) >= count:
            break
    return picks[:count]
