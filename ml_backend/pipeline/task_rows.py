"""Finds the rows of tasks in arrays that are ordered by task id."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def rows_of(ascending: NDArray[np.int64], task_ids: Iterable[int]) -> NDArray[np.int64]:
    """Rows of tasks in an array of ids; ids that it does not hold are left out.

    ascending (N,) int64: task ids in ascending order. Returns (n,) int64, in the order of `task_ids`.
    """
    ids = np.fromiter(task_ids, dtype=np.int64)
    rows = np.searchsorted(ascending, ids)
    exists = rows < len(ascending)
    exists[exists] = ascending[rows[exists]] == ids[exists]
    return rows[exists]
