"""k-means clustering whose result does not depend on the number of threads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Index, Matrix, squared_norms
from ml_backend.learning.numerics.neighbours import Points, sample_squared_distance
from ml_backend.learning.numerics.ranking import coarse
from ml_backend.learning.numerics.threads import HELD_BYTES, over_blocks

logger = logging.getLogger(__name__)

SEEDING_ROWS = 8
"""Rows per cluster from which k-means++ samples the first centres."""

TRAINING_ROWS = 256
"""Rows per cluster to which the centres are fitted, as in faiss; with more rows the centres hardly change.

Fewer rows are used where they would take more than HELD_BYTES.
"""

ITERATIONS = 10
"""Largest number of Lloyd iterations."""

SETTLED = 0.01
"""Iterations end when at most this fraction of the rows has changed its cluster.

Further iterations lower the squared distances by only about 0.3 %.
"""


@dataclass(frozen=True)
class Clusters:
    """Result of k-means.

    centres: (k, D) float32.
    assigned: (n,) int64, the number of the nearest centre of each row.
    distances: (n,) float32, the squared distance of each row to that centre.
    """

    centres: Matrix
    assigned: NDArray[np.int64]
    distances: Matrix


def kmeans(
    rows: Callable[[Index], Matrix],
    n: int,
    k: int,
    rng: np.random.Generator,
    *,
    iterations: int = ITERATIONS,
    settled: float = SETTLED,
    training_rows: int | None = None,
) -> Clusters:
    """Cluster n rows into k clusters with Lloyd's algorithm, started from k-means++ centres.

    rows: function that maps m positions in 0..n-1 to their vectors (m, D) float32.
    k: number of clusters, from 1 to n; rng: draws the first centres and the sample of rows.
    iterations: largest number of Lloyd iterations.
    settled: iterations end early when at most this fraction of the rows changes its cluster.
    training_rows: with more rows per cluster than this, the centres are fitted to a random sample of k × training_rows
    rows. The default is TRAINING_ROWS, or fewer so that the sample fits into HELD_BYTES.

    A centre that has lost all its rows moves to the row that is farthest from its own centre. If there are fewer than
    k distinct rows, some clusters stay empty. Raises ValueError for training_rows below 1.
    Lloyd: Least Squares Quantization in PCM, IEEE Transactions on Information Theory 1982.
    """
    if training_rows is not None and training_rows < 1:
        raise ValueError(f"training_rows must be 1 or more, got {training_rows}")
    if training_rows is None:
        bytes_per_row = 4 * rows(slice(0, 1)).shape[1]
        sample = max(k, min(k * TRAINING_ROWS, HELD_BYTES // bytes_per_row))
    else:
        sample = k * training_rows
    if sample < n:
        logger.info("fitting %d centres to a random %d of %d rows", k, sample, n)
        sampled_rows = np.sort(rng.choice(n, sample, replace=False, shuffle=False))
        training = rows(sampled_rows)
    else:
        training = rows(slice(0, n))
    centres = _first_centres(training, k, rng)
    assigned, distances = _assign(lambda index: training[index], len(training), centres)
    for _ in range(iterations):
        _move(centres, training, assigned, distances)
        before = assigned
        assigned, distances = _assign(lambda index: training[index], len(training), centres)
        if np.count_nonzero(before != assigned) <= settled * len(training):
            break
    if len(training) < n:
        assigned, distances = _assign(rows, n, centres)
    return Clusters(centres, assigned, distances)


def nearest_to_centres(clusters: Clusters, rng: np.random.Generator) -> NDArray[np.int64]:
    """Returns for each cluster the row nearest to its centre: positions (k,) int64 without repeats.

    The order is by cluster size, the largest first. For each empty cluster, one more row is taken at the end: the
    remaining row that is nearest to its own centre. rng decides between rows at equal distances.
    """
    k, n = len(clusters.centres), len(clusters.assigned)
    sizes = np.bincount(clusters.assigned, minlength=k)
    rounded = coarse(clusters.distances, float(squared_norms(clusters.centres).max() + clusters.distances.max()))
    rank = rng.permutation(n)
    order = np.lexsort((rank, rounded, clusters.assigned))
    nearest_rows = order[np.r_[0, np.flatnonzero(np.diff(clusters.assigned[order])) + 1]]
    nearest_rows = nearest_rows[np.argsort(-sizes[clusters.assigned[nearest_rows]], kind="stable")]
    rest = np.setdiff1d(np.arange(n), nearest_rows)
    rest = rest[np.lexsort((rank[rest], rounded[rest]))]
    picks: NDArray[np.int64] = np.r_[nearest_rows, rest[: k - len(nearest_rows)]]
    return picks


def _first_centres(training: Matrix, k: int, rng: np.random.Generator) -> Matrix:
    seeds = training
    if k * SEEDING_ROWS < len(training):
        seeds = training[np.sort(rng.choice(len(training), k * SEEDING_ROWS, replace=False, shuffle=False))]
    points = Points(len(seeds), lambda index: seeds[index])
    return seeds[sample_squared_distance(points, k, int(rng.integers(len(seeds))), rng)]


def _assign(rows: Callable[[Index], Matrix], n: int, centres: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    assigned, distances = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.float32)
    transposed = np.ascontiguousarray(centres.T)
    half_norms = squared_norms(centres) / 2

    def assign(block: slice) -> None:
        x = rows(block)
        products = x @ transposed
        products -= half_norms
        assigned[block] = best = products.argmax(axis=1)
        squared = squared_norms(x)
        distances[block] = np.maximum(squared - 2 * products[np.arange(len(x)), best], 0)

    over_blocks(assign, n)
    return assigned, distances


def _move(centres: Matrix, training: Matrix, assigned: NDArray[np.int64], distances: Matrix) -> None:
    """Move the centres (k, D), in place, to the means of their rows; assigned, distances: (n,) for training (n, D)."""
    from scipy.sparse import csr_array

    n, k = len(training), len(centres)
    sizes = np.bincount(assigned, minlength=k)
    members = csr_array((np.ones(n, dtype=np.float32), (assigned, np.arange(n))), shape=(k, n))
    filled = sizes > 0
    centres[filled] = (members @ training)[filled] / sizes[filled, None].astype(np.float32)
    empty = np.flatnonzero(~filled)
    if len(empty):
        farthest = np.argsort(-distances, kind="stable")[: len(empty)]
        farthest = farthest[distances[farthest] > 0]
        centres[empty[: len(farthest)]] = training[farthest]
