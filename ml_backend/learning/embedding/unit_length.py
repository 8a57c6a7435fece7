"""Vectors scaled to length 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def to_unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows of vectors (N, D) float32 divided by their lengths, in place; rows of zeros stay."""
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return vectors
