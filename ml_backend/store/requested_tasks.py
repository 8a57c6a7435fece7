"""Open tasks that people asked to be served before those that the strategy chooses."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, insert, select

from ml_backend.store import tables
from ml_backend.store.database import Database, slices
from ml_backend.store.projects import lock_project


class RequestedTaskRows:
    """Reads and writes requested tasks."""

    _database: Database

    def request_tasks(self, project_id: int, task_ids: Sequence[int], who: str, why: str) -> None:
        """Ask for tasks to be served next, in this order, after those asked for before.

        who: the person; why: where they were found, such as "search: refund". Tasks asked for already keep their place.
        """
        table = tables.requested_tasks
        of_project = table.c.project_id == project_id
        with self._database.writing() as connection:
            lock_project(connection, project_id)
            known = set(connection.execute(select(table.c.task_id).where(of_project)).scalars())
            last = connection.execute(select(func.max(table.c.place)).where(of_project)).scalar_one() or 0
            new = [task_id for task_id in dict.fromkeys(task_ids) if task_id not in known]
            rows = [
                {"project_id": project_id, "task_id": t, "place": last + n, "who": who, "why": why, "at": time.time()}
                for n, t in enumerate(new, start=1)
            ]
            for chunk in slices(rows):
                connection.execute(insert(table), chunk)

    def requested_tasks(self, project_id: int) -> dict[int, str]:
        """Task id → where it was found, in the order in which they are to be served."""
        table = tables.requested_tasks
        query = select(table.c.task_id, table.c.why).where(table.c.project_id == project_id).order_by(table.c.place)
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def drop_requested_tasks(self, project_id: int, task_ids: Iterable[int] | None = None) -> None:
        """Ask for these tasks no longer; None for all of the project."""
        table = tables.requested_tasks
        of_project = table.c.project_id == project_id
        with self._database.writing() as connection:
            if task_ids is None:
                connection.execute(delete(table).where(of_project))
            else:
                for chunk in slices(sorted(task_ids)):
                    connection.execute(delete(table).where(of_project, table.c.task_id.in_(chunk)))
