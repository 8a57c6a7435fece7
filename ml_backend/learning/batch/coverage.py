"""Rows of a pool that cover its unlabelled rows best, for strategies with different kernels and weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.coverage import Kernel, greedy_cover, greedy_cover_of_pairs
from ml_backend.learning.numerics.distances import Matrix, unit
from ml_backend.learning.numerics.near_pairs import NearPairs
from ml_backend.learning.pool import Pool


def covering_rows(
    pool: Pool,
    kernel: Kernel,
    count: int,
    rng: np.random.Generator,
    *,
    scaled: bool,
    weights: Matrix | None = None,
    pairs: NearPairs | None = None,
) -> NDArray[np.int64]:
    """Unlabelled rows, (count,) int64, that greedily cover the unlabelled rows beyond what labelled rows cover.

    kernel, weights: see `greedy_cover`; scaled: whether embeddings are scaled to length 1. pairs: what
    `pairs_of_pool` returns, if the caller has it already.
    """
    pairs = pairs_of_pool(pool, scaled) if pairs is None else pairs
    if pairs is not None:
        return pool.unlabeled[greedy_cover_of_pairs(pairs, kernel, count, rng, weights)]
    x, labelled = pool.unlabeled_embeddings(slice(None)), pool.rows(pool.labeled)
    if scaled:
        x, labelled = unit(x), unit(labelled)
    return pool.unlabeled[greedy_cover(x, labelled, kernel, count, rng, weights)]


def pairs_of_pool(pool: Pool, scaled: bool) -> NearPairs | None:
    """The near pairs of the unlabelled rows, by position, if the pool keeps pairs and can; else None.

    Pairs are kept for all rows that the widest pool offers, so that they serve every sample of these rows.
    """
    if pool.kept_pairs is None:
        return None
    widest = pool.widest
    pairs = pool.kept_pairs.of(widest.embeddings, widest.unlabeled, widest.labeled, scaled)
    return None if pairs is None else pairs.among(np.searchsorted(widest.unlabeled, pool.unlabeled))
