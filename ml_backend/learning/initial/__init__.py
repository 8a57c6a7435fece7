"""Initial pools by name: the first texts to label, before there are labels.

`catalogue.INITIAL_POOLS` maps each name to its module.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import INITIAL_POOLS, UnknownInitial, check_initial, initial_names
from ml_backend.learning.numerics.threads import one_thread
from ml_backend.learning.pool import Pool

__all__ = ["UnknownInitial", "names", "select"]

names = initial_names


def select(name: str, pool: Pool, size: int, rng: np.random.Generator, **options: Any) -> NDArray[np.int64]:
    """Pick the rows to label first, (b,) int64, best first.

    b is `size`, or the number of unlabelled rows when there are fewer. The picks are the same on any number of threads.
    options: keyword arguments of the method's own `select`.

    Raises UnknownInitial; ValueError for a negative size; NotFinite when a row that is labelled or may be picked holds
    NaN or infinity.
    """
    check_initial(name)
    if size < 0:
        raise ValueError(f"size must be 0 or more, got {size}")
    pool.check_finite()
    size = min(size, len(pool.unlabeled))
    if size == 0:
        return np.empty(0, dtype=np.int64)
    module: Any = importlib.import_module(INITIAL_POOLS[name])
    with one_thread():
        return np.asarray(module.select(pool, size, rng, **options), dtype=np.int64)
