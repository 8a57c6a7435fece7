"""Tasks that people asked to be served next, before those that the strategy chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store import Store


def requested_rows(store: Store, project_id: int, pool: ProjectPool) -> NDArray[np.int64]:
    """(n,) int64: open rows that people asked for, in the order in which they asked.

    Tasks that were submitted, skipped or deleted since are asked for no longer.
    """
    wanted = store.requested_tasks(project_id)
    if not wanted:
        return np.empty(0, dtype=np.int64)
    rows = pool.rows(wanted)
    rows = rows[pool.open[rows]]
    done = set(wanted) - set(pool.task_ids[rows].tolist())
    if done:
        store.drop_requested_tasks(project_id, done)
    return rows


def without(pool: ProjectPool, rows: NDArray[np.int64]) -> ProjectPool:
    """The pool in which these rows, (n,) int64, are not chosen, since they are served anyway; it stays the same object
    without rows."""
    if not len(rows):
        return pool
    others = np.ones(len(pool.task_ids), dtype=bool)
    others[rows] = False
    # Copies of their texts wait too: a batch never has a text twice.
    others &= ~np.isin(pool.texts, pool.texts[rows])
    return replace(pool, fresh=pool.fresh & others, copies=pool.copies & others, open=pool.open & others)
