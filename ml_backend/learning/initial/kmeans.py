"""The texts nearest to the centres of a k-means with one cluster per pick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.kmeans import kmeans, nearest_to_centres
from ml_backend.learning.pool import Pool


def select(
    pool: Pool, batch_size: int, rng: np.random.Generator, *, training_rows: int | None = None
) -> NDArray[np.int64]:
    """The unlabelled row nearest to each of batch_size centres, (batch_size,) int64, largest clusters first.

    training_rows: see `kmeans`.
    """
    clusters = kmeans(pool.unlabeled_embeddings, len(pool.unlabeled), batch_size, rng, training_rows=training_rows)
    picks: NDArray[np.int64] = pool.unlabeled[nearest_to_centres(clusters, rng)]
    return picks
