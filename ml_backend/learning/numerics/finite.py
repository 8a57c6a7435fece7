"""Embeddings with NaN or infinity, which have no distances and no probabilities, and are refused by their row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF_EXPONENT = np.uint16(0x7C00)
"""Bits of a float16 that are all set in NaN and infinity and in no number."""


class NotFinite(ValueError):
    """A row of embeddings cannot be reckoned with; `row` is its number, `problem` what is wrong with it."""

    def __init__(self, row: int, problem: str, remedy: str = "") -> None:
        super().__init__(f"row {row} of the embeddings {problem}{remedy and f': {remedy}'}")
        self.row, self.problem = row, problem


def not_finite(x: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """The rows of x (n, D) that hold NaN or infinity, ascending; at the cost of a sum a row."""
    if x.dtype == np.float16 and ((x.view(np.uint16) & HALF_EXPONENT) < HALF_EXPONENT).all():
        # Reckoning with halves takes ten times as long as looking at their bits.
        return np.empty(0, dtype=np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = x @ np.ones(x.shape[1], dtype=np.float64 if x.dtype == np.float64 else np.float32)
    # Sums of finite numbers may overflow too.
    suspects = np.flatnonzero(~np.isfinite(sums))
    bad: NDArray[np.int64] = suspects[~np.isfinite(x[suspects]).all(axis=1)]
    return bad
