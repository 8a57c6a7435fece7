"""ProbCover: the texts whose balls of radius δ cover most of the pool; δ is as large as possible with pure balls."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.batch.coverage import covering_rows, pairs_of_pool
from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.distances import ROUNDING, Matrix, squared_distances, squared_norms
from ml_backend.learning.numerics.kmeans import kmeans
from ml_backend.learning.numerics.near_pairs import NearPairs
from ml_backend.learning.numerics.threads import over_blocks
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="Yehuda et al. 2022, arXiv 2205.11320",
    summary=(
        "Takes the text that has the most texts within a radius δ, not counting those within δ of a labelled or "
        "picked text. Takes texts from dense regions first, and never outliers."
    ),
    when="For very few labels.",
    cost="distances of all pairs of at most `exact_up_to` texts",
)


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    delta: float | None = None,
    purity: float = 0.95,
    purity_rows: int = 1_000,
    exact_up_to: int = 5_000,
    training_rows: int | None = None,
) -> NDArray[np.int64]:
    """Rows whose balls greedily cover the most unlabelled rows that no ball covers yet, (batch_size,) int64.

    The ball of a row holds the rows that are closer to it than delta (Euclidean distance). The balls of labelled rows
    are covered from the start. Only which rows are labelled matters, not their labels, so multi-label pools are treated
    the same.

    delta: by default `pure_radius`, the largest radius at which a share `purity` of the balls hold one pseudo-class
    only; the pseudo-classes are n_classes k-means clusters, as in the paper.
    purity_rows: number of random rows at which that share is measured.
    exact_up_to: of more unlabelled rows, only a random sample of this size is used, both to choose from and to cover.
    training_rows: see `kmeans`. Ties by the generator.
    """
    pool = pool.sample(max(exact_up_to, batch_size), rng)
    pairs = pairs_of_pool(pool, scaled=False)
    if delta is None:
        x = pool.unlabeled_embeddings(slice(None))
        delta = pure_radius(x, pool.n_classes, purity, purity_rows, rng, training_rows, pairs)
    squared = np.float32(delta) ** 2

    def ball(d: Matrix) -> Matrix:
        return np.less(d, squared, out=d)

    return covering_rows(pool, ball, batch_size, rng, scaled=False, pairs=pairs)


def pure_radius(
    x: Matrix,
    n_classes: int,
    purity: float,
    rows: int,
    rng: np.random.Generator,
    training_rows: int | None = None,
    pairs: NearPairs | None = None,
) -> float:
    """The largest radius at which a share `purity` of the balls around rows of x hold rows of one cluster only.

    x: (n, D) float32. The clusters are n_classes k-means clusters of x. The share (0 to 1) is measured at `rows` random
    rows. The radius is in the units of x; infinite when there is one cluster only. training_rows: see `kmeans`.
    pairs: near pairs of the rows of x, which save most of the distances.
    """
    clusters = kmeans(lambda index: x[index], len(x), min(n_classes, len(x)), rng, training_rows=training_rows).assigned
    sampled = np.sort(rng.choice(len(x), min(rows, len(x)), replace=False))
    squared = squared_norms(x)
    place = min(int((1 - purity) * len(sampled)), len(sampled) - 1)
    to_other_cluster: Matrix = np.full(len(sampled), np.inf, dtype=np.float32)
    missing: NDArray[np.int64] = np.arange(len(sampled))
    if pairs is not None:
        to_other_cluster = _to_other_cluster(pairs, clusters, sampled)
        # A row without such a pair is at least as far from other clusters as from its centre. Its distance does not
        # matter where that is more than the radius, which is at most the one found among the other rows.
        bound = np.sort(to_other_cluster)[place] + np.float32(pairs.slack)
        missing = np.flatnonzero(np.isinf(to_other_cluster) & (pairs.to_centre[sampled] <= bound))

    def find_other_cluster(block: slice) -> None:
        rows_of_block = sampled[missing[block]]
        d = squared_distances(x[rows_of_block], x, squared[rows_of_block], squared)
        d[clusters[rows_of_block][:, None] == clusters] = np.inf
        to_other_cluster[missing[block]] = d.min(axis=1)

    over_blocks(find_other_cluster, len(missing), 256)
    radius = float(np.sqrt(np.sort(to_other_cluster)[place]))
    # The radius is the distance of two rows, and rounding could put that pair inside the ball on one processor and
    # outside on another. So it is made shorter by the largest rounding error: the pair is outside on every processor.
    return float(np.sqrt(max(radius**2 - ROUNDING * float(squared.max()), 0.0)))


def _to_other_cluster(pairs: NearPairs, clusters: NDArray[np.int64], rows: NDArray[np.int64]) -> Matrix:
    """The least squared distance of the near pairs of each row with a row of another cluster; infinite without any.

    clusters: (n,), those of the points of the pairs; rows: (k,) int64, points. Returns (k,) float32.
    """
    nearest = np.full(len(rows), np.inf, dtype=np.float32)
    counts = np.diff(pairs.starts)[rows]
    at = np.repeat(pairs.starts[rows] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    number = np.repeat(np.arange(len(rows)), counts)
    differs = clusters[pairs.by[at]] != clusters[rows[number]]
    np.minimum.at(nearest, number[differs], pairs.squared[at[differs]])
    return nearest
