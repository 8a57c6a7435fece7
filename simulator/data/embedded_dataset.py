"""A dataset as arrays: the pool that a run labels and the test split that it is measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EmbeddedDataset:
    """A dataset in one embedding.

    X (N, D) float32 and y (N,) int64 in 0..n_classes-1: the pool, with the labels that an annotator would give;
    offered (N,) bool: rows that may be queried, the first of each different text; X_test (M, D) float32 and y_test (M,)
    int64: the test split on which every cycle is measured; class_vectors (n_classes, D) float32: the embedded names or
    descriptions of the classes, or None for a head that does not know them; words (N,) int64: number of words in each
    text of the pool, or None if it is not known.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    offered: NDArray[np.bool_]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    n_classes: int
    class_vectors: NDArray[np.float32] | None = None
    words: NDArray[np.int64] | None = None
