"""The random share: which places of a batch are filled at random instead of by the strategy, and with which rows.

Random rows find classes that a strategy misses, and their labels measure the head without bias. Draws of the same seed
differ between methods: with the same draws, all of them would be measured by nearly the same texts.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.pool import Pool


def random_places(n: int, share: float, seed: int, cycle: int, method: str) -> NDArray[np.bool_]:
    """Which of the n places of a batch and its reserve are filled at random, (n,) bool.

    method: name of the strategy or initial method that fills the other places. Each place is decided independently,
    with probability `share` (0 to 1), so that the share is right on average wherever the batch ends.
    """
    if not share:
        return np.zeros(n, dtype=bool)
    return _generator(seed, cycle, method, 2).random(n) < share


def random_order(pool: Pool, seed: int, cycle: int, method: str) -> NDArray[np.int64]:
    """The unlabelled rows, (m,) int64, in a uniformly random order.

    A batch takes the first of them for its random places, before the strategy chooses: afterwards they would be drawn
    from the rows that the strategy did not choose. The reserve takes the next ones that are not in the batch, so that a
    batch does not depend on its reserve.
    """
    return _generator(seed, cycle, method, 3).permutation(pool.unlabeled)


def _generator(seed: int, cycle: int, method: str, stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, cycle, stream, crc32(method.encode())])
