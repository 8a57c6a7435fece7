"""The labels that the last fit used, and the tasks annotated until then, so that a run knows what is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from ml_backend.store import tables
from ml_backend.store.changes import MAX_IDS_RECORDED, record_changes
from ml_backend.store.database import Database, slices
from ml_backend.store.selection import selected_rows


class FittedLabelRows:
    """Reads and writes the labels of the last fit, one row for each task that anybody ever submitted or skipped."""

    _database: Database

    def put_fitted_labels(self, project_id: int, labels: Mapping[int, Sequence[str] | None]) -> None:
        """Store what changed with this fit, and record the tasks as changed.

        labels: task id → the classes that the fit used, None for a task that was submitted or skipped and has no label
        that the fit could use. Rows of other tasks stay.
        """
        table = tables.fitted_labels
        statement = self._database.upsert(table)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.project_id, table.c.task_id], set_={"classes": statement.excluded.classes}
        )
        rows = [
            {"project_id": project_id, "task_id": task_id, "classes": None if classes is None else list(classes)}
            for task_id, classes in labels.items()
        ]
        with self._database.writing() as connection:
            for chunk in slices(rows):
                connection.execute(statement, chunk)
            # In parts: the change of very many tasks at once is recorded as that of everything, vectors included.
            for changed in slices(sorted(labels), MAX_IDS_RECORDED):
                record_changes(self._database, connection, project_id, changed)

    def fitted_labels(
        self, project_id: int, task_ids: Iterable[int] | None = None
    ) -> dict[int, tuple[str, ...] | None]:
        """Task id → the classes that the last fit used, None without a label; of all tasks, or of those asked for.

        Tasks that nobody had submitted or skipped at the last fit or before are left out; deleted ones stay.
        """
        table = tables.fitted_labels
        query = select(table.c.task_id, table.c.classes).where(table.c.project_id == project_id)
        with self._database.reading() as connection:
            rows = selected_rows(connection, query, table.c.task_id, task_ids)
            return {row[0]: None if row[1] is None else tuple(row[1]) for row in rows}
