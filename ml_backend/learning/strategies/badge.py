"""BADGE: k-means++ on gradient embeddings g = (onehot(argmax p) − p) ⊗ x, which are never stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.head.uncertainty import prediction_error
from ml_backend.learning.numerics.distances import Index, Matrix
from ml_backend.learning.numerics.neighbours import Points, sample_squared_distance
from ml_backend.learning.numerics.ranking import first_highest
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Ash et al. 2020, arXiv 1906.03671",
    summary=(
        "Samples texts that would change the model much, each in another way (by the gradient of the loss). "
        "So a batch is both uncertain and diverse."
    ),
    when="Robust across data sets, batch sizes and budgets, and cheap to compute.",
    cost="one scoring of the pool, and a product with the picks",
)


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The row with the longest gradient embedding, then rows by k-means++ (D²) sampling, (batch_size,) int64.

    Products of gradient embeddings are g·g' = (a·a')(x·x') with a = onehot(argmax p) − p, so g itself is not needed.
    Multi-label: a = (p ≥ ½) − p, the gradient of the binary losses at their predictions. Ties by the generator.
    """
    p = pool.probabilities

    def error(index: Index) -> Matrix:
        return prediction_error(p[index], pool.multi_label)

    points = Points(len(p), error, pool.unlabeled_embeddings)
    first = first_highest(points.squared, rng.permutation(len(p)))
    picks: NDArray[np.int64] = pool.unlabeled[sample_squared_distance(points, batch_size, first, rng)]
    return picks
