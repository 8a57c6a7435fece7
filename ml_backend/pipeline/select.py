"""From a project's arrays to the next batch, by the same cycle that the simulator runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.cycle import Cycle, Proposal
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.project_settings import ProjectSettings


def propose(settings: ProjectSettings, pool: ProjectPool, n_classes: int, cycle: int, reserve: int) -> Proposal:
    """Fit the head and choose the batch and its reserve; copies of known texts only fill up what is left.

    cycle: batches chosen after new labels so far, 0 for the first; reserve: tasks to choose behind the batch. Rows of
    the proposal are rows of the pool. Raises what `Cycle.propose` raises.
    """
    plan = Cycle(
        settings.strategy,
        settings.initial,
        settings.batch_size,
        settings.seed,
        random_share=settings.random_share,
        subpool=settings.subpool,
        balance=settings.balance,
    )
    proposal = plan.propose(pool.embeddings, pool.labels, n_classes, cycle, candidates=pool.fresh, reserve=reserve)
    room = settings.batch_size + reserve - len(proposal.rows) - len(proposal.reserve_rows)
    if room <= 0:
        return proposal
    return _filled_up(proposal, _first_copies(pool, room), settings.batch_size)


def _filled_up(proposal: Proposal, copies: NDArray[np.int64], batch_size: int) -> Proposal:
    """The proposal with copies of known texts behind what it chose itself."""
    room = batch_size - len(proposal.rows)
    return replace(
        proposal,
        rows=np.concatenate([proposal.rows, copies[:room]]),
        reserve_rows=np.concatenate([proposal.reserve_rows, copies[room:]]),
    )


def _first_copies(pool: ProjectPool, room: int) -> NDArray[np.int64]:
    """At most `room` rows, (n,) int64: of each text that no fresh row has the first copy."""
    rows = np.flatnonzero(pool.copies)
    rows = rows[~np.isin(pool.texts[rows], pool.texts[pool.fresh])]
    first = np.sort(np.unique(pool.texts[rows], return_index=True)[1])
    return rows[first[:room]]
