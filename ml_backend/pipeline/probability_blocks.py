"""What a head predicts for many rows of a pool, block by block, so that few probabilities are in memory at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import Head
from ml_backend.learning.numerics.threads import BLOCK_ROWS, blocks
from ml_backend.pipeline.project_pool import ProjectPool


def probability_blocks(
    head: Head, pool: ProjectPool, rows: NDArray[np.int64]
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yields slices of `rows` (n,) int64, in order, each with the probabilities (m, n_classes) float32 of its rows."""
    for block in blocks(len(rows), BLOCK_ROWS):
        yield block, head.predict_proba(pool.embeddings[rows[block]])
