"""Finds the rows of tasks in arrays that are ordered by task id."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

NO_ROWS: NDArray[np.int64] = np.empty(0, dtype=np.int64)


def rows_of(ascending: NDArray[np.int64], task_ids: Iterable[int]) -> NDArray[np.int64]:
    """Rows of tasks in an array of ids; ids that it does not hold are left out.

    ascending (N,) int64: task ids in ascending order. Returns (n,) int64, in the order of `task_ids`.
    """
    rows, exists = found_in(ascending, np.fromiter(task_ids, dtype=np.int64))
    return rows[exists]


def found_in(ascending: NDArray[np.int64], task_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Row (n,) int64 of each of the ids (n,) in the ascending ones (N,), and (n,) bool: whether it is there at all."""
    rows = np.searchsorted(ascending, task_ids)
    exists = rows < len(ascending)
    exists[exists] = ascending[rows[exists]] == task_ids[exists]
    return rows, exists
