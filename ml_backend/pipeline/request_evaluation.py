"""Hands the head that a run fitted, or one that was never evaluated, to the evaluation."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import Head
from ml_backend.learning.evaluation.evaluation import OPEN_ROWS
from ml_backend.learning.head.files import from_bytes
from ml_backend.learning.head.held_out import HeldOut
from ml_backend.pipeline.class_names import known_classes
from ml_backend.pipeline.context import RunContext
from ml_backend.pipeline.evaluated_people import MOST_DISAGREEMENTS
from ml_backend.pipeline.evaluation_input import EvaluationInput
from ml_backend.pipeline.learn import FittedHead
from ml_backend.pipeline.learning_data import LearningData
from ml_backend.store.failures import NOT_THE_DATA
from ml_backend.store.learning_records import HeadRecord

logger = logging.getLogger(__name__)


def request_evaluation(run: RunContext, data: LearningData, fitted: FittedHead | None) -> None:
    """Have the head evaluated that this run fitted, or else the newest one if it never was.

    A head may be left without evaluation by a process that ended or by one of an earlier version. What goes wrong here
    is logged, and does not fail the run.
    """
    evaluations = run.services.evaluations
    if evaluations is None:
        return
    try:
        given = _of_fit(run, data, fitted) if fitted is not None else _of_stored_head(run, data)
    except NOT_THE_DATA:
        raise
    except Exception:
        logger.exception("project %s: its head cannot be evaluated", run.id)
        return
    if given is not None:
        evaluations.put(given)


def _of_fit(run: RunContext, data: LearningData, fitted: FittedHead) -> EvaluationInput | None:
    if not data.pool.labeled:
        return None
    rows = np.flatnonzero(data.pool.has_label)
    return _input(run, data, fitted.version, fitted.made_at, fitted.head, fitted.held_out, rows)


def _of_stored_head(run: RunContext, data: LearningData) -> EvaluationInput | None:
    evaluations, version = run.services.evaluations, run.store.unevaluated_head(run.id)
    if version is None or evaluations is None or evaluations.has(run.id, version):
        return None
    record = run.store.current_head(run.id)
    if record is None or not _is_of_this_data(record, run, data):
        return None
    # Labels that are new or changed since the fit are not those of the head.
    rows = np.flatnonzero(data.pool.has_label & (data.label_arrays.given == data.label_arrays.fitted))
    if not len(rows):
        return None
    head = from_bytes(record.blob)
    prior = None if record.class_prior is None else known_classes(run, data).prior
    rng = np.random.default_rng([run.settings.seed, run.project.cycle, 4])
    X, y = data.pool.embeddings[rows], data.pool.labels[rows]
    held_out = HeldOut(X, y, len(run.config.classes), head.C, prior, rng)
    return _input(run, data, record.version, record.created_at, head, held_out, rows)


def _is_of_this_data(record: HeadRecord, run: RunContext, data: LearningData) -> bool:
    same_classes = (tuple(record.classes), record.multi_label) == (run.config.classes, run.config.multi_label)
    return same_classes and record.embedding_model == data.model


def _input(
    run: RunContext,
    data: LearningData,
    version: str,
    made_at: float,
    head: Head,
    held_out: HeldOut,
    rows: NDArray[np.int64],
) -> EvaluationInput:
    """Copy what the evaluation needs. rows: (n,) int64, rows of the pool, of the labels in `held_out`."""
    pool = data.pool
    open_rows = np.flatnonzero(pool.fresh)
    tied = pool.rows(_newest_ties(data))
    tied = tied[pool.embedded[tied]]
    # Cycles draw from generators of seed, cycle and a smaller number.
    sample = np.random.default_rng([run.settings.seed, 0, 5]).permutation(open_rows)[:OPEN_ROWS]
    return EvaluationInput(
        project_id=run.id,
        head_version=version,
        made_at=made_at,
        config=run.config,
        head=head,
        held_out=held_out,
        task_ids=pool.task_ids[rows],
        X_open=pool.embeddings[sample],
        n_open=len(open_rows),
        annotations=dict(data.annotations),
        labelled=frozenset(data.labels.by_task),
        tied_ids=pool.task_ids[tied],
        X_tied=pool.embeddings[tied],
    )


def _newest_ties(data: LearningData) -> list[int]:
    """Ids of the tasks about which annotators disagreed last, so evenly that they have no label."""

    def newest(task_id: int) -> float:
        return max((a.created_at or 0.0 for a in data.annotations.get(task_id, ())), default=0.0)

    return sorted(data.labels.ties, key=newest)[-MOST_DISAGREEMENTS:]
