"""Fit, query and publish when it is due: the part of a run that brings the next head and batch."""

from __future__ import annotations

import logging
import time

import numpy as np

from ml_backend.labelstudio.labels import Labels, labels
from ml_backend.learning.cycle import Proposal
from ml_backend.pipeline.context import Run
from ml_backend.pipeline.counts import counts
from ml_backend.pipeline.project_pool import ProjectPool, project_pool
from ml_backend.pipeline.publish import ensure_sampling, preannotations, publish, remove_superseded, settle
from ml_backend.pipeline.retrain_policy import Situation, reason_to_learn, reserve_size
from ml_backend.pipeline.select import Chosen, agreement, asked_at_random, label_changes, propose, stability, store_head
from ml_backend.pipeline.sync import SyncReport
from ml_backend.store.records import BatchRecord

logger = logging.getLogger(__name__)


def learn(run: Run, report: SyncReport, model: str, missing: int) -> None:
    """Fit, query and publish when it is due; count what people want to know either way."""
    store = run.store
    arrays = run.services.arrays.arrays(run.id, model)
    annotations = [a for some in arrays.annotations.values() for a in some]
    known = labels(annotations, run.config)
    pool = project_pool(arrays, known, run.config)
    annotators = len({a.annotator for a in annotations if a.annotator is not None})
    usable = _with_vector(pool, known)
    changed = label_changes(store.label_snapshot(run.id), usable)
    serving = settle(store, run.services.client, run.info)
    left = _still_open(pool, serving)
    reason = reason_to_learn(_situation(run, report, pool, serving, left, len(changed), annotators, missing))
    run.done("pool")
    why = serving.why if serving else ""
    if reason is not None and (pool.fresh.any() or pool.copies.any() or usable or changed):
        why = _next(run, pool, usable, model, annotators, reason, changed)
        left = _still_open(pool, store.current_batch(run.id))
    elif serving is not None:
        ensure_sampling(run.services.client, run.info)
    remove_superseded(store, run.services.client, run.id)
    store.merge_meta(
        run.id, **counts(pool, known, run.config, remaining=len(left), annotators=annotators, missing=missing, why=why)
    )


def _with_vector(pool: ProjectPool, known: Labels) -> dict[int, Chosen]:
    """The labels that a head can be fitted on; the others count as new when their texts are embedded."""
    rows = pool.rows(known.by_task)
    return {task_id: known.by_task[task_id] for task_id in pool.task_ids[rows[pool.embedded[rows]]].tolist()}


def _still_open(pool: ProjectPool, batch: BatchRecord | None) -> set[int]:
    if batch is None:
        return set()
    rows = pool.rows(batch.task_ids)
    return set(pool.task_ids[rows[pool.open[rows]]].tolist())


def _situation(
    run: Run,
    report: SyncReport,
    pool: ProjectPool,
    serving: BatchRecord | None,
    left: set[int],
    changed: int,
    annotators: int,
    missing: int,
) -> Situation:
    meta = run.project.meta
    offerable = int((pool.fresh | pool.copies).sum())
    return Situation(
        settings=run.settings,
        annotators=annotators,
        serving=serving is not None,
        changed=changed,
        remaining=len(left),
        waiting=offerable - len(left),
        embedding=missing,
        settings_changed=meta.get("settings_used") != run.settings.model_dump(mode="json"),
        classes_changed=run.project.fingerprint != run.config.fingerprint,
        new_tasks=meta.get("newest_task", 0) < _newest_task(pool),
        train_requested=report.train,
    )


def _newest_task(pool: ProjectPool) -> int:
    embedded = pool.task_ids[pool.embedded]
    return int(embedded.max()) if len(embedded) else 0


def _next(
    run: Run,
    pool: ProjectPool,
    usable: dict[int, Chosen],
    model: str,
    annotators: int,
    reason: str,
    changed: dict[int, Chosen | None],
) -> str:
    """Fit, and publish a batch where tasks are left; answers why, for people."""
    store = run.store
    run.say("fitting the head and choosing the next batch")
    # A batch published anew without new labels (texts embedded meanwhile, another setting) is of the same cycle: a seed
    # then gives the same draws as offline, however often that happens.
    cycle = run.project.cycle + bool(changed)
    proposal = propose(run.settings, pool, len(run.config.classes), cycle, reserve_size(run.settings, annotators))
    run.done("query")
    run.seconds["fit"] = proposal.fit_seconds
    run.seconds["query"] -= proposal.fit_seconds
    drawn: list[list[int]] = run.project.meta.get("random_tasks", [])
    serving = store.current_batch(run.id)
    before = store.current_head(run.id)
    right = agreement(before, pool, changed, run.config, model, asked_at_random(drawn, serving))
    agreed = stability(before, proposal.head, pool, run.config, model, run.settings.seed)
    head = store_head(store, run.id, proposal.head, run.config, model, pool.labeled, right)
    why = f"{reason}; {proposal.why}" if proposal.why else reason
    batch = _published(run, pool, proposal, head, why) if len(proposal.rows) else None
    requests, answering = run.services.client.take_request_stats()
    store.put_label_snapshot(run.id, {task_id: list(classes) for task_id, classes in usable.items()})
    store.update_project(run.id, cycle=cycle, fingerprint=run.config.fingerprint)
    store.merge_meta(
        run.id,
        settings_used=run.settings.model_dump(mode="json"),
        newest_task=_newest_task(pool),
        random_tasks=[*drawn[-1:], pool.task_ids[proposal.random_rows].tolist()],
    )
    store.add_run(
        run.id,
        {
            "at": time.time(),
            "batch": batch.number if batch else None,
            "version": batch.version if batch else None,
            "method": proposal.method,
            "why": why,
            "labels": pool.labeled,
            "reasons": run.reasons,
            "seconds": {step: round(s, 3) for step, s in run.seconds.items()},
            "label_studio": {"requests": requests, "seconds": round(answering, 3)},
            **right,
            "kappa": agreed,
        },
    )
    what = f"batch {batch.number} by {proposal.method}" if batch else "a head and no batch"
    logger.info("project %s: %s after %d labels: %s", run.id, what, pool.labeled, why)
    return why


def _published(run: Run, pool: ProjectPool, proposal: Proposal, head: str | None, why: str) -> BatchRecord:
    rows = np.concatenate([proposal.rows, proposal.reserve_rows])
    batch = run.store.plan_batch(
        run.id,
        method=proposal.method,
        why=why,
        head_version=head,
        task_ids=pool.task_ids[rows].tolist(),
        size=len(proposal.rows),
    )
    run.say(f"publishing batch {batch.number}")
    publish(run.store, run.services.client, run.info, batch, preannotations(pool, rows, proposal.head, run.config))
    run.done("publish")
    return batch
