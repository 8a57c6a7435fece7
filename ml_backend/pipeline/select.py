"""Chooses the next batch of a project, by the same cycle that the simulator runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.cycle import Cycle, Proposal
from ml_backend.learning.head.class_prior import ClassPrior
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.project_settings import ProjectSettings


def propose(
    settings: ProjectSettings,
    pool: ProjectPool,
    n_classes: int,
    cycle: int,
    reserve: int,
    prior: ClassPrior | None = None,
) -> Proposal:
    """Fit the head and choose the batch and its reserve; copies of labelled or chosen texts fill the places left over.

    While texts are embedded, tasks without a vector follow in the reserve, in random order: embedding may take longer
    than a team takes to label the tasks that have one, and then Label Studio would serve no task, or any.

    cycle: number of batches chosen after new labels so far, 0 for the first; reserve: number of tasks to choose after
    the batch; prior: what the class names say, None where they are not used. Rows of the proposal are rows of the pool.
    Raises what `Cycle.propose` raises.
    """
    learning_cycle = Cycle(
        settings.strategy,
        settings.initial,
        settings.batch_size,
        settings.seed,
        random_share=settings.random_share,
        subpool=settings.subpool,
        balance=settings.balance,
    )
    proposal = learning_cycle.propose(
        pool.embeddings, pool.labels, n_classes, cycle, candidates=pool.fresh, reserve=reserve, prior=prior
    )
    free_places = settings.batch_size + reserve - len(proposal.rows) - len(proposal.reserve_rows)
    if free_places <= 0:
        return proposal
    copies = pool.copies_to_add[:free_places]
    proposal = _with_copies(proposal, copies, settings.batch_size)
    without_vector = _without_vector(pool, np.random.default_rng([settings.seed, cycle]))[: free_places - len(copies)]
    return replace(proposal, reserve_rows=np.concatenate([proposal.reserve_rows, without_vector]))


def _with_copies(proposal: Proposal, copies: NDArray[np.int64], batch_size: int) -> Proposal:
    """The proposal with the rows `copies` (n,) int64 appended, first to the batch, then to the reserve."""
    free_places = batch_size - len(proposal.rows)
    return replace(
        proposal,
        rows=np.concatenate([proposal.rows, copies[:free_places]]),
        reserve_rows=np.concatenate([proposal.reserve_rows, copies[free_places:]]),
    )


def _without_vector(pool: ProjectPool, rng: np.random.Generator) -> NDArray[np.int64]:
    """(n,) int64, in random order: the first open row of each text that has no vector yet."""
    rows = np.flatnonzero(pool.open & ~pool.embedded)
    return rng.permutation(rows[np.unique(pool.texts[rows], return_index=True)[1]])
