"""The labels used by the last fit, so that a run knows which were added, changed or removed since."""

from __future__ import annotations

from sqlalchemy import select

from ml_backend.store import tables
from ml_backend.store.database import Database


class LabelSnapshotRows:
    """Reads and writes the labels of the last fit, one snapshot per project."""

    _database: Database

    def put_label_snapshot(self, project_id: int, labels: dict[int, list[str]]) -> None:
        """Store the labels (task id → classes) used by the last fit."""
        table = tables.label_snapshots
        body = {str(task_id): classes for task_id, classes in labels.items()}
        statement = self._database.upsert(table).values(project_id=project_id, body=body)
        with self._database.writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=[table.c.project_id], set_={"body": body})
            )

    def label_snapshot(self, project_id: int) -> dict[int, list[str]]:
        """The labels (task id → classes) used by the last fit; empty before the first fit."""
        table = tables.label_snapshots
        with self._database.reading() as connection:
            body = connection.execute(select(table.c.body).where(table.c.project_id == project_id)).scalar_one_or_none()
        return {int(task_id): classes for task_id, classes in (body or {}).items()}
