"""The random share: which places of a batch are drawn at random whatever the strategy, and which rows take them.

It finds classes that a strategy passes over, and its labels measure the head without bias.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.pool import Pool


def random_places(n: int, share: float, seed: int, cycle: int) -> NDArray[np.bool_]:
    """Which of the n places of a batch and its reserve are drawn at random, (n,) bool.

    Each place is by itself, with chance `share`, so that the share holds wherever a batch ends.
    """
    if not share:
        return np.zeros(n, dtype=bool)
    return np.random.default_rng([seed, cycle, 2]).random(n) < share


def random_rows(pool: Pool, n: int, seed: int, cycle: int) -> NDArray[np.int64]:
    """The rows for n places, (n,) int64, drawn uniformly from the unlabelled ones.

    To be called before the strategy chooses: afterwards the draw would be from what the strategy left.
    """
    if not n:
        return np.empty(0, dtype=np.int64)
    rows: NDArray[np.int64] = np.random.default_rng([seed, cycle, 3]).choice(pool.unlabeled, n, replace=False)
    return rows
