"""Synthetic embeddings for the benchmarks: overlapping clusters on the unit sphere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROWS = 20_000


def clusters(
    rows: int, dimensions: int, classes: int, seed: int = 0, file: Path | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Embeddings (rows, dimensions) of length 1 and their classes (rows,); with a file, they are written to it."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((classes, dimensions), dtype=np.float32) / 2
    y = rng.integers(classes, size=rows)
    if file is None:
        x = np.empty((rows, dimensions), dtype=np.float32)
    else:
        x = np.lib.format.open_memmap(file, "w+", np.float32, (rows, dimensions))
    for start in range(0, rows, ROWS):
        classes_of_rows = y[start : start + ROWS]
        block = centres[classes_of_rows] + rng.standard_normal((len(classes_of_rows), dimensions), dtype=np.float32)
        x[start : start + ROWS] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return x, y


def first_labels(y: NDArray[np.int64], labeled: int, seed: int = 1) -> NDArray[np.int64]:
    """The classes of some random rows, -1 for the others."""
    labels = np.full(len(y), -1)
    labeled_rows = np.random.default_rng(seed).choice(len(y), labeled, replace=False)
    labels[labeled_rows] = y[labeled_rows]
    return labels
