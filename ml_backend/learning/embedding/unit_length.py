"""Scales vectors to length 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def to_unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales the rows of vectors (N, D) float32 to length 1, in place, and returns them; rows of zeros stay zero."""
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return vectors
