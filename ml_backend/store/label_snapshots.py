"""The labels used by the last fit, and the tasks annotated until then, so that a run knows what is new."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from ml_backend.store import tables
from ml_backend.store.database import Database


class LabelSnapshotRows:
    """Reads and writes the labels of the last fit, one snapshot per project."""

    _database: Database

    def put_label_snapshot(
        self, project_id: int, labels: dict[int, list[str]], annotated: Collection[int] | None = None
    ) -> None:
        """Store the labels (task id → classes) used by the last fit.

        annotated: ids of all tasks that anybody ever submitted or skipped until then; None: those with a label.
        """
        table = tables.label_snapshots
        fields = {
            "body": {str(task_id): classes for task_id, classes in labels.items()},
            "annotated": sorted(labels if annotated is None else annotated),
        }
        statement = self._database.upsert(table).values(project_id=project_id, **fields)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=[table.c.project_id], set_=fields))

    def label_snapshot(self, project_id: int) -> dict[int, list[str]]:
        """The labels (task id → classes) used by the last fit; empty before the first fit."""
        table = tables.label_snapshots
        with self._database.reading() as connection:
            body = connection.execute(select(table.c.body).where(table.c.project_id == project_id)).scalar_one_or_none()
        return {int(task_id): classes for task_id, classes in (body or {}).items()}

    def annotated_before(self, project_id: int) -> set[int]:
        """Ids of tasks that anybody had submitted or skipped at the last fit or before, also if it was deleted."""
        table = tables.label_snapshots
        query = select(table.c.annotated).where(table.c.project_id == project_id)
        with self._database.reading() as connection:
            annotated = connection.execute(query).scalar_one_or_none()
        return set(self.label_snapshot(project_id)) if annotated is None else set(annotated)
