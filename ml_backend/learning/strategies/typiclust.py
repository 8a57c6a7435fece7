"""TypiClust: the most typical point of the largest clusters that hold no label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.distances import Index, Matrix, squared_distances, squared_norms
from ml_backend.learning.numerics.kmeans import kmeans
from ml_backend.learning.numerics.ranking import coarse
from ml_backend.learning.numerics.threads import over_blocks
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="Hacohen et al. 2022, arXiv 2202.02794",
    summary=(
        "Clusters the pool and takes the most typical text of the largest clusters without a label. "
        "Covers what is common, once each."
    ),
    when="For the first labels, the more so the better the embedding; ever less use after some hundred.",
    cost="one k-means with up to 500 clusters",
)


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
    """Cluster by cluster, fewest labels first and then largest first, the row of highest typicality not yet picked.

    k-means on labelled and unlabelled rows with min(labelled + batch_size, max_clusters) clusters. Typicality = 1 /
    mean distance to the min(neighbours, size − 1) nearest neighbours inside the cluster, labelled or not; in clusters
    of more than `exact_up_to` rows both neighbours and picks come from a random sample of so many of its unlabelled
    rows. min_cluster_size: smaller clusters are left out; 6 in the authors' code, 1 here as in the benchmark, whose
    numbers the others are too. Where clusters run out before the batch is full, they are gone through again, and where
    their texts run out, what is left is drawn from uniformly. Ties by the generator. training_rows: of
    `kmeans`.
    """
    rows = np.sort(np.concatenate([pool.labeled, pool.unlabeled]))
    is_labeled = np.isin(rows, pool.labeled, assume_unique=True)
    k = min(len(pool.labeled) + batch_size, max_clusters, len(rows))

    def vectors(index: Index) -> Matrix:
        return pool.rows(rows[index])

    assigned = kmeans(vectors, len(rows), k, rng, training_rows=training_rows).assigned
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
            free = members[~is_labeled[members]]
            members = np.sort(rng.choice(free, min(exact_up_to, len(free)), replace=False))
        x = vectors(members)
        away = coarse(mean_distances(x, neighbours), float(np.sqrt(squared_norms(x).max())))
        order = np.lexsort((rng.permutation(len(members)), away))
        queues.append([m for m in members[order] if not is_labeled[m]])
        if len(queues) == batch_size:
            break
    picks = rows[_in_turn(queues, batch_size)]
    rest = np.setdiff1d(pool.unlabeled, picks) if len(picks) < batch_size else picks[:0]
    return np.concatenate([picks, rng.choice(rest, batch_size - len(picks), replace=False)])


def mean_distances(x: Matrix, neighbours: int) -> NDArray[np.float64]:
    """Mean Euclidean distance of each row of x (n, D) to its min(neighbours, n − 1) nearest others, (n,)."""
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
        # What rounding leaves of the distance between equal rows.
        near[near < 1e-6 * squared.max()] = 0
        out[block] = np.sqrt(near).mean(axis=1, dtype=np.float64)

    over_blocks(fill, n, 512)
    return out


def _in_turn(queues: list[list[int]], count: int) -> list[int]:
    """The first of every queue, then the second of every queue and so on, no more than `count`."""
    picks: list[int] = []
    for turn in range(max(map(len, queues), default=0)):
        picks += [queue[turn] for queue in queues if turn < len(queue)]
        if len(picks) >= count:
            break
    return picks[:count]
