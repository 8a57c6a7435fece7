"""Class balancing of a batch that any strategy has ranked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.pool import Pool


def balanced(pool: Pool, ranked: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """`count` of the ranked rows, (count,) int64, the class with the fewest labels served first at every pick.

    ranked: (≥ count,) unlabelled rows, best first. A class has the labels of the pool, and one for each row kept that
    the head predicts to be of it. Among classes with equally few the best ranked row is kept.
    """
    at = np.searchsorted(pool.unlabeled, ranked)
    predicted = pool.probabilities[at].argmax(axis=1)
    have = np.bincount(pool.labels[pool.labeled], minlength=pool.n_classes)
    # The n-th row that a class offers comes when the class has that many more labels.
    turn = np.empty(len(ranked), dtype=np.int64)
    for c in np.unique(predicted):
        mine = np.flatnonzero(predicted == c)
        turn[mine] = have[c] + np.arange(len(mine))
    kept: NDArray[np.int64] = ranked[np.argsort(turn, kind="stable")[:count]]
    return kept
