"""Put a batch in front of the annotators, and take superseded ones away.

A batch goes through planned → published → superseded → removed. The state is written before and
after every step, so that whatever a crash leaves behind is found and settled by the next run.
"""

from __future__ import annotations

import logging
import time

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.predictions import to_result
from ml_backend.learning import Head
from ml_backend.pipeline.likely_classes import likely_classes
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store import Store
from ml_backend.store.records import BatchRecord
from ml_backend.store.states import BatchState

logger = logging.getLogger(__name__)

KEPT_SECONDS = 86_400.0
"""How long the predictions of a superseded batch stay: as long as Label Studio keeps a task for who opened it.

An annotation names the prediction that it began with, and Label Studio refuses it when that is gone.
"""
REMOVED_AT_ONCE = 20


def settle(store: Store, client: LabelStudio, info: ProjectInfo) -> BatchRecord | None:
    """Finish what a crash left half-way; returns the batch that Label Studio serves now, if it is ours."""
    serving: BatchRecord | None = None
    for batch in store.open_batches(info.id, info.model_version):
        if batch.version == info.model_version:
            if batch.state != BatchState.PUBLISHED:
                store.mark_batch(info.id, batch.number, BatchState.PUBLISHED)
            serving = batch
        elif batch.state == BatchState.PUBLISHED:
            # Somebody else changed the project's model version; the order would be random: publish anew.
            logger.warning(
                "project %s: Label Studio's model version is %r instead of our %r; publishing the queue anew",
                info.id,
                info.model_version,
                batch.version,
            )
            store.mark_batch(info.id, batch.number, BatchState.SUPERSEDED)
    for batch in store.open_batches(info.id):
        if batch.state == BatchState.PLANNED:  # never served
            _take_away(store, client, info.id, batch)
    return serving


def publish(
    store: Store,
    client: LabelStudio,
    info: ProjectInfo,
    batch: BatchRecord,
    results: dict[int, list[dict[str, object]]],
) -> None:
    """Write the batch's predictions and make it the project's version; the batches before it are then superseded.

    results: task id → its pre-annotation. Label Studio serves the tasks in the order of `batch.task_ids`.
    """
    items = [(task_id, results.get(task_id, []), rank) for rank, task_id in enumerate(batch.task_ids)]
    client.publish_batch(info.id, batch.version, items)
    open_before = [b for b in store.open_batches(info.id) if b.number != batch.number]
    store.mark_batch(info.id, batch.number, BatchState.PUBLISHED)
    for old in open_before:
        store.mark_batch(info.id, old.number, BatchState.SUPERSEDED)
    ensure_sampling(client, info)


def remove_superseded(store: Store, client: LabelStudio, project_id: int) -> None:
    """Remove the predictions of batches superseded so long ago that nobody has a task of theirs open."""
    for batch in store.superseded_before(project_id, time.time() - KEPT_SECONDS, REMOVED_AT_ONCE):
        _take_away(store, client, project_id, batch)


def ensure_sampling(client: LabelStudio, info: ProjectInfo) -> None:
    """Have Label Studio serve the published order; says so in the log when that changes the project."""
    if info.sampling == UNCERTAINTY_SAMPLING:
        return
    client.set_sampling(info.id)
    logger.warning(
        "project %s: task sampling was %r, now %r, so that the published order is served",
        info.id,
        info.sampling,
        UNCERTAINTY_SAMPLING,
    )


def _take_away(store: Store, client: LabelStudio, project_id: int, batch: BatchRecord) -> None:
    client.remove_version(project_id, batch.version)
    store.mark_batch(project_id, batch.number, BatchState.REMOVED)


def preannotations(
    pool: ProjectPool, rows: NDArray[np.int64], head: Head | None, config: LabelConfig
) -> dict[int, list[dict[str, object]]]:
    """Task id → the result that the head predicts, for these rows (n,) int64 of the pool; empty without a head."""
    task_ids = [int(pool.task_ids[row]) for row in rows]
    if head is None or not len(rows):
        return {task_id: [] for task_id in task_ids}
    probabilities = head.predict_proba(pool.embeddings[rows])
    return {
        task_id: to_result(likely_classes(p, config.classes, config.multi_label), config)
        for task_id, p in zip(task_ids, probabilities, strict=True)
    }
