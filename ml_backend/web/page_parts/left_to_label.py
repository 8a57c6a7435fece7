"""The tasks of the published batch that are still to be labelled, as several pages count them."""

from __future__ import annotations

from ml_backend.store import Store
from ml_backend.store.learning_records import BatchRecord


def left_to_label(store: Store, project_id: int, batch: BatchRecord) -> list[int]:
    """Ids of the tasks in the order in which they are served; those that are asked again stay until the next batch."""
    answered = store.answered_among(project_id, batch.task_ids)
    again = set(batch.repeated_task_ids)
    return [task_id for task_id in batch.task_ids if task_id not in answered or task_id in again]
