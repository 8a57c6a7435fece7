"""Finds rows of embeddings with NaN or infinity.

Such rows have no distances and no probabilities; the error that refuses them names the row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF_EXPONENT = np.uint16(0x7C00)
"""Exponent bits of a float16: all of them are set in NaN and infinity, and in no finite number."""


class NotFinite(ValueError):
    """A row of embeddings cannot be used in calculations; `row` is its number, `problem` says what is wrong with it."""

    def __init__(self, row: int, problem: str, remedy: str = "") -> None:
        super().__init__(f"row {row} of the embeddings {problem}{remedy and f': {remedy}'}")
        self.row, self.problem = row, problem


def not_finite(x: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Returns the numbers (m,) int64 of the rows of x that hold NaN or infinity, ascending.

    x: (n, D) of any float type. The check costs about one sum per row.
    """
    if x.dtype == np.float16 and ((x.view(np.uint16) & HALF_EXPONENT) < HALF_EXPONENT).all():
        # Arithmetic on float16 takes ten times as long as a test of the bits.
        return np.empty(0, dtype=np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = x @ np.ones(x.shape[1], dtype=np.float64 if x.dtype == np.float64 else np.float32)
    # The sum of finite numbers may overflow too, so the rows found are checked value by value.
    suspects = np.flatnonzero(~np.isfinite(sums))
    bad_rows: NDArray[np.int64] = suspects[~np.isfinite(x[suspects]).all(axis=1)]
    return bad_rows
