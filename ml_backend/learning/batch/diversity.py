"""Diverse rows of a pool: those nearest to cluster centres, for strategies that first select candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Index, Matrix, unit
from ml_backend.learning.numerics.kmeans import kmeans, nearest_to_centres
from ml_backend.learning.pool import Pool


def nearest_to_cluster_centres(
    pool: Pool, candidates: NDArray[np.int64], count: int, rng: np.random.Generator, training_rows: int | None
) -> NDArray[np.int64]:
    """The candidates nearest to the centres of a k-means on the candidates' embeddings, scaled to length 1.

    candidates: (c,) int64, positions in `pool.unlabeled`.
    count: number of clusters and of picks, at most c.
    training_rows: see `kmeans`.
    Returns (count,) int64, positions in `pool.unlabeled`, largest clusters first.
    """

    def directions(index: Index) -> Matrix:
        return unit(pool.unlabeled_embeddings(candidates[index]))

    clusters = kmeans(directions, len(candidates), count, rng, training_rows=training_rows)
    return candidates[nearest_to_centres(clusters, rng)]
