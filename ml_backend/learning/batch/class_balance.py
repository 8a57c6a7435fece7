"""Class balancing of a batch that any strategy has ranked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.pool import Pool


def balanced(pool: Pool, ranked: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Keep `count` of the ranked rows, (count,) int64: each pick is a row of the class with the fewest labels so far.

    ranked: (k,) int64 unlabelled rows, best first, k ≥ count. The class of a row is the one that the head predicts, and
    only classes that still have ranked rows count. The labels of a class are those in the pool, plus one for each row
    kept. Among classes with equally few labels the best ranked row is kept. Raises NeedsHead without a head.
    """
    positions = np.searchsorted(pool.unlabeled, ranked)
    predicted = pool.probabilities[positions].argmax(axis=1)
    label_counts = np.bincount(pool.labels[pool.labeled], minlength=pool.n_classes)
    # When the n-th row of a class (from 0) is kept, the class has n labels more than in the pool.
    labels_before = np.empty(len(ranked), dtype=np.int64)
    for c in np.unique(predicted):
        rows_of_class = np.flatnonzero(predicted == c)
        labels_before[rows_of_class] = label_counts[c] + np.arange(len(rows_of_class))
    balanced_rows: NDArray[np.int64] = ranked[np.argsort(labels_before, kind="stable")[:count]]
    return balanced_rows
