"""Fit, query and publish: the part of a run that makes the next head and the next batch."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import Head
from ml_backend.learning.cycle import Proposal
from ml_backend.learning.head.files import to_bytes
from ml_backend.learning.head.held_out import HeldOut
from ml_backend.pipeline.agreement import agreement, stored_predictions
from ml_backend.pipeline.class_names import KnownClasses, known_classes
from ml_backend.pipeline.context import RunContext
from ml_backend.pipeline.learning_data import LearningData
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.publish import likeliest, preannotations, predictions, publish
from ml_backend.pipeline.queue_size import queue_size
from ml_backend.pipeline.repeated import Repeats, mixed, repeats
from ml_backend.pipeline.requested import without
from ml_backend.pipeline.select import propose
from ml_backend.pipeline.task_rows import NO_ROWS
from ml_backend.pipeline.versions import head_version
from ml_backend.store.learning_records import (
    Agreement,
    BatchRecord,
    HeadRecord,
    LabelStudioUse,
    RunRecord,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FittedHead:
    """A head that was stored, its version and the time at which it was; held_out: its labels in folds."""

    version: str
    made_at: float
    head: Head
    held_out: HeldOut


def learn(
    run: RunContext, data: LearningData, reason: str, requested: NDArray[np.int64] = NO_ROWS
) -> FittedHead | None:
    """Fit a head, choose the next tasks, publish them if any are left, and add the run to the history.

    Returns the head; None where the labels are too few for one.

    reason: why a new batch is due, as a sentence for people; requested: (n,) int64, open rows of the pool that are
    served before those that the strategy chooses. Raises LabelStudioUnavailable, Unauthorized, ProjectGone and
    RequestRefused when the batch cannot be published.
    """
    run.report_phase("learning from the labels and choosing the next tasks")
    # A batch that is published again without new labels (new embeddings, changed settings) belongs to the same cycle,
    # so that a seed gives the same draws as in the simulator, however often that happens.
    cycle = run.project.cycle + bool(data.changed)
    classes = known_classes(run, data)
    run.end_step("fit")
    proposal = _fit_and_query(run, data, without(data.pool, requested), cycle, classes)
    agreed = agreement(data.labelled_first, data.first, run.store.shown_batches(run.id), run.config.classes)
    fitted = _store_head(run, data, proposal, agreed, classes)
    again = _asked_again(run, data, proposal, cycle)
    why = "; ".join(part for part in (reason, proposal.why, again.why) if part)
    is_batch = len(requested) + len(proposal.rows) > 0
    head = fitted.version if fitted else None
    batch = _publish(run, data, proposal, requested, again.rows, head, why) if is_batch else None
    _store_fit_state(run, data, cycle, classes)
    _add_to_history(run, data, proposal, why, batch, agreed)
    outcome = f"batch {batch.number} by {proposal.method}" if batch else "a head and no batch"
    logger.info("project %s: %s after %d labels: %s", run.id, outcome, data.pool.labeled, why)
    return fitted


def _fit_and_query(
    run: RunContext, data: LearningData, pool: ProjectPool, cycle: int, classes: KnownClasses
) -> Proposal:
    reserve = queue_size(run.settings, data.pace) - run.settings.batch_size
    proposal = propose(run.settings, pool, len(run.config.classes), cycle, reserve, classes.prior)
    run.end_step("query")
    run.seconds["fit"] += proposal.fit_seconds
    run.seconds["query"] -= proposal.fit_seconds
    return proposal


def _asked_again(run: RunContext, data: LearningData, proposal: Proposal, cycle: int) -> Repeats:
    return repeats(
        run.settings,
        data.pool,
        data.annotations,
        data.annotators,
        run.info.maximum_annotations,
        proposal.held_out,
        len(proposal.rows) + len(proposal.reserve_rows),
        cycle,
    )


def _store_head(
    run: RunContext, data: LearningData, proposal: Proposal, agreed: Agreement, classes: KnownClasses
) -> FittedHead | None:
    """Store the head and return it; without a head, delete older ones, whose labels no longer exist."""
    head, held_out = proposal.head, proposal.held_out
    if head is None or held_out is None:
        run.store.drop_heads(run.id)
        return None
    record = HeadRecord(
        version=head_version(data.pool.labeled),
        project_id=run.id,
        classes=list(run.config.classes),
        multi_label=run.config.multi_label,
        embedding_model=data.model,
        n_labels=data.pool.labeled,
        blob=to_bytes(head),
        metrics=agreed,
        created_at=time.time(),
        class_prior=classes.of_head(head),
    )
    return FittedHead(record.version, run.store.put_head(record), head, held_out)


def _publish(
    run: RunContext,
    data: LearningData,
    proposal: Proposal,
    requested: NDArray[np.int64],
    repeated: NDArray[np.int64],
    head: str | None,
    why: str,
) -> BatchRecord:
    pool = data.pool
    chosen, size = mixed(np.concatenate([proposal.rows, proposal.reserve_rows]), len(proposal.rows), repeated)
    rows = np.concatenate([requested, chosen])
    probabilities = None if proposal.head is None else proposal.head.predict_proba(pool.embeddings[rows])
    shown = predictions(pool, rows, probabilities, run.config)
    batch = run.store.plan_batch(
        run.id,
        method=proposal.method,
        why=why,
        head_version=head,
        task_ids=pool.task_ids[rows].tolist(),
        size=len(requested) + size,
        random_task_ids=pool.task_ids[proposal.random_rows].tolist(),
        predicted=stored_predictions(pool, rows, shown),
        likely=likeliest(pool, rows, probabilities, run.config),
        requested_task_ids=pool.task_ids[requested].tolist(),
        repeated_task_ids=pool.task_ids[repeated].tolist(),
    )
    run.report_phase(f"publishing batch {batch.number}")
    publish(run.store, run.client, run.info, batch, preannotations(batch.task_ids, shown, run.config))
    run.end_step("publish")
    return batch


def _store_fit_state(run: RunContext, data: LearningData, cycle: int, classes: KnownClasses) -> None:
    """Store the labels, settings and classes of this fit, with which the next run compares its own."""
    run.store.put_fitted_labels(run.id, dict.fromkeys(data.first) | data.changed)
    run.store.update_project(
        run.id,
        cycle=cycle,
        fingerprint=run.config.fingerprint,
        settings_used=run.settings.model_dump(mode="json"),
        newest_task=data.pool.newest_embedded,
        class_names=classes.use,
    )


def _add_to_history(
    run: RunContext,
    data: LearningData,
    proposal: Proposal,
    why: str,
    batch: BatchRecord | None,
    agreed: Agreement,
) -> None:
    requests, seconds = run.client.take_request_stats()
    run.store.add_run(
        RunRecord(
            project_id=run.id,
            at=time.time(),
            batch=batch.number if batch else None,
            version=batch.version if batch else None,
            method=proposal.method,
            why=why,
            labels=data.pool.labeled,
            reasons=list(run.reasons),
            seconds={step: round(s, 3) for step, s in run.seconds.items()},
            label_studio=LabelStudioUse(requests, round(seconds, 3)),
            **asdict(agreed),
        )
    )
