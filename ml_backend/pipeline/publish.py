"""Publish a batch to Label Studio, and remove the predictions of superseded batches.

The state of a batch is planned, published, superseded, then removed. It is stored before and after every step, so that
the next run can finish what a crash interrupted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.predictions import prediction_result
from ml_backend.pipeline.likely_classes import likely_classes
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store import Store
from ml_backend.store.learning_records import BatchRecord
from ml_backend.store.leases import LeaseLost
from ml_backend.store.states import BatchState

logger = logging.getLogger(__name__)

SUPERSEDED_KEPT_SECONDS = 86_400.0
"""How long the predictions of a superseded batch stay: as long as Label Studio reserves an opened task for its user.

Label Studio refuses an annotation that was started from a prediction which no longer exists.
"""
LONGEST_KEPT_SECONDS = 3 * SUPERSEDED_KEPT_SECONDS
"""They are removed while nobody labels, since Label Studio takes 5 ms for each; after this time they are anyway."""
LIKELIEST = 2
"""Classes of a task that the page shows: between them the model is undecided."""
REMOVAL_SECONDS = 20.0
"""Limit in one run, so that other projects get their turn."""


def finish_interrupted_batches(store: Store, client: LabelStudio, info: ProjectInfo) -> BatchRecord | None:
    """Correct batch states that a crash left wrong, and remove predictions of batches that were never served.

    Returns the batch that Label Studio serves now, None if it is not one of ours. Raises LabelStudioError.
    """
    serving: BatchRecord | None = None
    for batch in store.open_batches(info.id, info.model_version):
        if batch.version == info.model_version:
            if batch.state != BatchState.PUBLISHED:
                store.mark_batch(info.id, batch.number, BatchState.PUBLISHED)
            serving = batch
        elif batch.state == BatchState.PUBLISHED:
            # Somebody else changed the project's model version. The order is then random, so publish a new batch.
            logger.warning(
                "project %s: Label Studio's model version is %r instead of %r; publishing a new batch",
                info.id,
                info.model_version,
                batch.version,
            )
            _supersede(store, client, info, batch, ())
    served_again = () if serving is None else serving.repeated_task_ids
    for batch in store.open_batches(info.id):
        if batch.state == BatchState.PLANNED:  # never served
            _ask_no_longer(client, info, batch, served_again)
            _remove_predictions(store, client, info.id, batch)
    return serving


def publish(
    store: Store,
    client: LabelStudio,
    info: ProjectInfo,
    batch: BatchRecord,
    results: dict[int, list[dict[str, object]]],
) -> None:
    """Set the sampling, write the batch's predictions and select its version; older batches become superseded.

    results: task id → its pre-annotation. Label Studio serves the tasks in the order of `batch.task_ids`. Raises
    LabelStudioError; the batch then stays planned, and the next run removes its predictions. Raises LeaseLost if
    another run has taken over.
    """
    items = [(task_id, results.get(task_id, []), rank) for rank, task_id in enumerate(batch.task_ids)]
    # Before the version is selected: with another sampling its tasks would be served in another order.
    ensure_sampling(client, info)
    for task_id in batch.repeated_task_ids:
        if not client.ask_again(task_id, info.maximum_annotations + 1):
            logger.warning("project %s: Label Studio does not ask task %d again", info.id, task_id)
    try:
        client.publish_batch(info.id, batch.version, items, before_switch=store.require_lease)
    except LeaseLost:
        # The run that has the lease now may have removed this version before its predictions arrived.
        client.remove_version(info.id, batch.version)
        raise
    open_before = [b for b in store.open_batches(info.id) if b.number != batch.number]
    store.mark_batch(info.id, batch.number, BatchState.PUBLISHED)
    for old in open_before:
        _supersede(store, client, info, old, batch.repeated_task_ids)


def remove_superseded(store: Store, client: LabelStudio, project_id: int, people_label: bool) -> None:
    """Remove the predictions of batches superseded so long ago that nobody has one of their tasks open.

    people_label: then one at most is removed, and only if it has waited for long. Otherwise it goes on until a run of
    the project is requested or REMOVAL_SECONDS have passed. Raises LabelStudioError.
    """
    kept = LONGEST_KEPT_SECONDS if people_label else SUPERSEDED_KEPT_SECONDS
    started = time.monotonic()
    while batches := store.superseded_before(project_id, time.time() - kept, limit=1):
        _remove_predictions(store, client, project_id, batches[0])
        is_late = time.monotonic() - started > REMOVAL_SECONDS
        if people_label or is_late or project_id in store.pending_projects():
            return


def ensure_sampling(client: LabelStudio, info: ProjectInfo) -> None:
    """Set the project's sampling so that Label Studio serves the published order; a change is logged.

    Raises LabelStudioError.
    """
    if info.sampling == UNCERTAINTY_SAMPLING:
        return
    client.set_sampling(info.id)
    logger.warning(
        "project %s: task sampling was %r, now %r, so that the published order is served",
        info.id,
        info.sampling,
        UNCERTAINTY_SAMPLING,
    )


def _supersede(
    store: Store, client: LabelStudio, info: ProjectInfo, batch: BatchRecord, asked_again: Collection[int]
) -> None:
    """Mark a batch as superseded. asked_again: tasks that another batch asks again, which stay open for that."""
    _ask_no_longer(client, info, batch, asked_again)
    store.mark_batch(info.id, batch.number, BatchState.SUPERSEDED)


def _ask_no_longer(client: LabelStudio, info: ProjectInfo, batch: BatchRecord, asked_again: Collection[int]) -> None:
    # Otherwise Label Studio would go on to count them as unfinished.
    for task_id in set(batch.repeated_task_ids).difference(asked_again):
        client.ask_no_longer(task_id, info.maximum_annotations)


def _remove_predictions(store: Store, client: LabelStudio, project_id: int, batch: BatchRecord) -> None:
    store.require_lease()
    client.remove_version(project_id, batch.version)
    store.mark_batch(project_id, batch.number, BatchState.REMOVED)


def predictions(
    pool: ProjectPool, rows: NDArray[np.int64], probabilities: NDArray[np.float32] | None, config: LabelConfig
) -> list[list[tuple[str, float]]] | None:
    """The likely classes of rows of the pool, in the order of `rows` (n,) int64; None without a head.

    probabilities: (n, n_classes) float32 of the rows. Nothing is predicted for rows without a vector.
    """
    if probabilities is None:
        return None
    return [
        likely_classes(p, config.classes, config.multi_label) if embedded else []
        for p, embedded in zip(probabilities, pool.embedded[rows], strict=True)
    ]


def likeliest(
    pool: ProjectPool, rows: NDArray[np.int64], probabilities: NDArray[np.float32] | None, config: LabelConfig
) -> list[list[tuple[str, float]]] | None:
    """The two likeliest classes of rows of the pool with their probabilities, for people; see `predictions`."""
    if probabilities is None:
        return None
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :LIKELIEST]
    return [
        [(config.classes[c], round(float(p[c]), 4)) for c in classes] if embedded else []
        for p, classes, embedded in zip(probabilities, best, pool.embedded[rows], strict=True)
    ]


def preannotations(
    task_ids: Sequence[int], predicted: Sequence[list[tuple[str, float]]] | None, config: LabelConfig
) -> dict[int, list[dict[str, object]]]:
    """Task id → the result that annotators are shown. predicted: for each task, see `predictions`."""
    if predicted is None:
        return {task_id: [] for task_id in task_ids}
    return {task_id: prediction_result(likely, config) for task_id, likely in zip(task_ids, predicted, strict=True)}
