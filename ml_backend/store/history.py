"""What the backend made: heads, batches, and the story of its runs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.records import BatchRecord, HeadRecord

HEADS_KEPT = 20


class HistoryRows:
    """Reads and writes heads, batches, runs, and the labels of the last fit."""

    _database: Database

    def put_head(self, head: HeadRecord) -> None:
        """Keep a head as the newest; all but the last 20 of its project go."""
        table = tables.heads
        with self._database.writing() as connection:
            connection.execute(insert(table).values(**vars(head)))
            kept = (
                select(table.c.version)
                .where(table.c.project_id == head.project_id)
                .order_by(table.c.created_at.desc())
                .limit(HEADS_KEPT)
            )
            connection.execute(delete(table).where(table.c.project_id == head.project_id, table.c.version.not_in(kept)))

    def current_head(self, project_id: int) -> HeadRecord | None:
        """The newest head, or None before the first fit."""
        found = self._heads(_of(tables.heads, project_id, tables.heads.c.created_at).limit(1))
        return found[0] if found else None

    def heads(self, project_id: int) -> list[HeadRecord]:
        """Heads that are kept, newest first."""
        return self._heads(_of(tables.heads, project_id, tables.heads.c.created_at))

    def drop_heads(self, project_id: int) -> None:
        """Forget a project's heads, as when too few labels are left to hold one up."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.heads).where(tables.heads.c.project_id == project_id))

    def _heads(self, query: Select[Any]) -> list[HeadRecord]:
        with self._database.reading() as connection:
            return [HeadRecord(**row._mapping) for row in connection.execute(query)]

    def plan_batch(
        self,
        project_id: int,
        method: str,
        why: str,
        head_version: str | None,
        task_ids: Sequence[int],
        size: int,
    ) -> BatchRecord:
        """Write down a batch before anything of it goes to Label Studio; its version is like no other ever."""
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
                state="planned",
                created_at=time.time(),
                published_at=None,
            )
            connection.execute(insert(table).values(**vars(batch)))
        return batch

    def mark_batch(self, project_id: int, number: int, state: str) -> None:
        """Write how far a batch has come."""
        table = tables.batches
        changes: dict[str, Any] = {"state": state}
        if state == "published":
            changes["published_at"] = time.time()
        with self._database.writing() as connection:
            connection.execute(
                update(table).where(table.c.project_id == project_id, table.c.number == number).values(**changes)
            )

    def current_batch(self, project_id: int) -> BatchRecord | None:
        """The newest published batch, or None."""
        table = tables.batches
        query = _of(table, project_id, table.c.number).where(table.c.state == "published").limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _batch(row)

    def open_batches(self, project_id: int, version: str | None = None) -> list[BatchRecord]:
        """Batches planned or published, and that of `version` unless it was removed, newest first."""
        table = tables.batches
        wanted: ColumnElement[bool] = table.c.state.in_(("planned", "published"))
        if version is not None:
            wanted = wanted | (table.c.version == version) & (table.c.state != "removed")
        with self._database.reading() as connection:
            return [_batch(row) for row in connection.execute(_of(table, project_id, table.c.number).where(wanted))]

    def superseded_before(self, project_id: int, moment: float, limit: int) -> list[BatchRecord]:
        """Superseded batches whose successor was published at that time or earlier, oldest first."""
        table = tables.batches
        of_project = table.c.project_id == project_id
        successor = select(func.max(table.c.number)).where(of_project, table.c.published_at <= moment)
        query = (
            select(table)
            .where(of_project, table.c.state == "superseded", table.c.number < successor.scalar_subquery())
            .order_by(table.c.number)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_batch(row) for row in connection.execute(query)]

    def batches(self, project_id: int, limit: int = 20) -> list[BatchRecord]:
        """Batches, newest first."""
        query = _of(tables.batches, project_id, tables.batches.c.number).limit(limit)
        with self._database.reading() as connection:
            return [_batch(row) for row in connection.execute(query)]

    def add_run(self, project_id: int, body: dict[str, Any]) -> None:
        """Add a run that chose a batch to the history."""
        with self._database.writing() as connection:
            connection.execute(insert(tables.runs).values(project_id=project_id, body=body))

    def runs(self, project_id: int, limit: int = 100) -> list[dict[str, Any]]:
        """The last runs that chose a batch, oldest first."""
        query = _of(tables.runs, project_id, tables.runs.c.id).limit(limit)
        with self._database.reading() as connection:
            return [row.body for row in connection.execute(query)][::-1]

    def put_label_snapshot(self, project_id: int, labels: dict[int, list[str]]) -> None:
        """Keep the labels (task id → classes) that the last fit was made of."""
        table = tables.label_snapshots
        body = {str(task_id): classes for task_id, classes in labels.items()}
        statement = self._database.upsert(table).values(project_id=project_id, body=body)
        with self._database.writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=[table.c.project_id], set_={"body": body})
            )

    def label_snapshot(self, project_id: int) -> dict[int, list[str]]:
        """The labels (task id → classes) that the last fit was made of; empty before it."""
        table = tables.label_snapshots
        with self._database.reading() as connection:
            body = connection.execute(select(table.c.body).where(table.c.project_id == project_id)).scalar_one_or_none()
        return {int(task_id): classes for task_id, classes in (body or {}).items()}


def _of(table: Any, project_id: int, newest_by: Any) -> Select[Any]:
    return select(table).where(table.c.project_id == project_id).order_by(newest_by.desc())


def _batch(row: Row[Any]) -> BatchRecord:
    return BatchRecord(**row._mapping)
