"""Tasks that people asked to be served next, before those that the strategy chooses.

Strategies and draws at random then choose among the other open texts. What is drawn at random therefore measures a
model on what is left once the tasks that were asked for are labelled, and those never count as drawn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.task_rows import NO_ROWS
from ml_backend.store import Store
from ml_backend.store.learning_records import BatchRecord


def requested_rows(store: Store, project_id: int, pool: ProjectPool) -> NDArray[np.int64]:
    """(n,) int64: open rows that people asked for, in the order in which they asked, one of each text.

    Tasks that were submitted, skipped or deleted since are asked for no longer, nor are further copies of a text that
    was asked for.
    """
    wanted = store.requested_tasks(project_id)
    if not wanted:
        return NO_ROWS
    rows = pool.rows(wanted)
    rows = rows[pool.open[rows]]
    rows = rows[np.sort(np.unique(pool.texts[rows], return_index=True)[1])]
    done = set(wanted) - set(pool.task_ids[rows].tolist())
    if done:
        store.drop_requested_tasks(project_id, done)
    return rows


def are_new(requested: NDArray[np.int64], pool: ProjectPool, serving: BatchRecord | None) -> bool:
    """Whether people asked for tasks that the served batch does not have before all others.

    requested: rows of the pool, see `requested_rows`.
    """
    first = pool.rows(() if serving is None else serving.requested_task_ids)
    return bool(len(np.setdiff1d(requested, first)))


def are_withdrawn(requested: NDArray[np.int64], pool: ProjectPool, serving: BatchRecord | None) -> bool:
    """Whether the served batch has open tasks before all others for which nobody asks any more."""
    first = pool.rows(() if serving is None else serving.requested_task_ids)
    # A batch without any row that has a vector is not published, so that another reason would be found again and again.
    first = first[pool.open[first] & pool.embedded[first]]
    return bool(len(np.setdiff1d(first, requested)))


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
