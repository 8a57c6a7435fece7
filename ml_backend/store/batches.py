"""Batches of tasks chosen for labelling, and their states: planned, published, superseded, removed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, insert, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.learning_records import BatchRecord, ServedBatch
from ml_backend.store.states import BatchState

_NO_PREDICTION = [""]
"""Stored as the predicted classes of a task without a prediction; a config cannot have such a class.

Processes of earlier versions write it and expect it.
"""


class BatchRows:
    """Reads and writes batches."""

    _database: Database

    def plan_batch(
        self,
        project_id: int,
        method: str,
        why: str,
        head_version: str | None,
        task_ids: Sequence[int],
        size: int,
        random_task_ids: Sequence[int] = (),
        predicted: Sequence[Sequence[str] | None] | None = None,
        likely: Sequence[Sequence[tuple[str, float]]] | None = None,
        requested_task_ids: Sequence[int] = (),
        repeated_task_ids: Sequence[int] = (),
    ) -> BatchRecord:
        """Store a batch before it is sent to Label Studio; its version is unique.

        predicted, likely: see `BatchRecord`.
        """
        table = tables.batches
        with self._database.writing() as connection:
            last = connection.execute(
                select(func.max(table.c.number)).where(table.c.project_id == project_id)
            ).scalar_one()
            number = (last or 0) + 1
            batch = BatchRecord(
                number=number,
                project_id=project_id,
                version=f"batch {number} {method} {uuid.uuid4().hex[:8]}",
                method=method,
                why=why,
                head_version=head_version,
                task_ids=list(task_ids),
                size=size,
                state=BatchState.PLANNED,
                created_at=time.time(),
                published_at=None,
                random_task_ids=list(random_task_ids),
                predicted=None if predicted is None else [None if c is None else list(c) for c in predicted],
                likely=None if likely is None else [list(classes) for classes in likely],
                requested_task_ids=list(requested_task_ids),
                repeated_task_ids=list(repeated_task_ids),
            )
            connection.execute(insert(table).values(**vars(batch) | {"predicted": _stored(batch.predicted)}))
        return batch

    def mark_batch(self, project_id: int, number: int, state: BatchState) -> None:
        """Set the state of a batch, and the time when it is published."""
        table = tables.batches
        changes: dict[str, Any] = {"state": state}
        if state == BatchState.PUBLISHED:
            changes["published_at"] = time.time()
        with self._database.writing() as connection:
            connection.execute(
                update(table).where(table.c.project_id == project_id, table.c.number == number).values(**changes)
            )

    def current_batch(self, project_id: int) -> BatchRecord | None:
        """The newest published batch, or None."""
        published = tables.batches.c.state == BatchState.PUBLISHED
        newest = self._batches(_newest_first(project_id).where(published).limit(1))
        return newest[0] if newest else None

    def open_batches(self, project_id: int, version: str | None = None) -> list[BatchRecord]:
        """Planned and published batches, and the one with this version unless it is removed; newest first."""
        table = tables.batches
        is_open: ColumnElement[bool] = table.c.state.in_((BatchState.PLANNED, BatchState.PUBLISHED))
        if version is not None:
            is_open = is_open | (table.c.version == version) & (table.c.state != BatchState.REMOVED)
        return self._batches(_newest_first(project_id).where(is_open))

    def superseded_before(self, project_id: int, moment: float, limit: int) -> list[BatchRecord]:
        """Superseded batches whose successor was published at `moment` (Unix time) or earlier, oldest first."""
        table = tables.batches
        of_project = table.c.project_id == project_id
        successor = select(func.max(table.c.number)).where(of_project, table.c.published_at <= moment)
        is_old = (table.c.state == BatchState.SUPERSEDED) & (table.c.number < successor.scalar_subquery())
        return self._batches(select(table).where(of_project, is_old).order_by(table.c.number).limit(limit))

    def shown_batches(self, project_id: int, limit: int = 20) -> list[BatchRecord]:
        """The last batches that were served and whose predictions Label Studio still has, newest first."""
        table = tables.batches
        is_shown = table.c.state.in_((BatchState.PUBLISHED, BatchState.SUPERSEDED)) & table.c.published_at.is_not(None)
        return self._batches(_newest_first(project_id).where(is_shown).limit(limit))

    def served_batches(self, project_id: int) -> list[ServedBatch]:
        """All batches that were ever served, newest first, without their predictions."""
        table = tables.batches
        columns = [table.c[field.name] for field in fields(ServedBatch)]
        of_project = table.c.project_id == project_id
        query = select(*columns).where(of_project, table.c.published_at.is_not(None)).order_by(table.c.number.desc())
        with self._database.reading() as connection:
            return [ServedBatch(**row._mapping) for row in connection.execute(query)]

    def batches(self, project_id: int, limit: int = 20) -> list[BatchRecord]:
        """The last batches, newest first."""
        return self._batches(_newest_first(project_id).limit(limit))

    def _batches(self, query: Select[Any]) -> list[BatchRecord]:
        with self._database.reading() as connection:
            return [_batch(row) for row in connection.execute(query)]


def _batch(row: Row[Any]) -> BatchRecord:
    # Columns that a process of an earlier version left empty.
    values = {
        **row._mapping,
        **{name: row._mapping[name] or [] for name in ("requested_task_ids", "repeated_task_ids")},
    }
    batch = BatchRecord(**values)
    if batch.likely is not None:
        batch = replace(batch, likely=[[(name, share) for name, share in classes] for classes in batch.likely])
    if batch.predicted is None:
        return batch
    return replace(batch, predicted=[None if classes == _NO_PREDICTION else classes for classes in batch.predicted])


def _stored(predicted: list[list[str] | None] | None) -> list[list[str]] | None:
    return None if predicted is None else [_NO_PREDICTION if classes is None else classes for classes in predicted]


def _newest_first(project_id: int) -> Select[Any]:
    table = tables.batches
    return select(table).where(table.c.project_id == project_id).order_by(table.c.number.desc())
