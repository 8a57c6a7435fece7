"""Records which tasks of a project changed, so that a copy in memory can be refreshed by reading only those."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select

from ml_backend.store import tables
from ml_backend.store.database import Database, slices

EVERYTHING = 0
MAX_IDS_RECORDED = 2000
"""If more tasks than this change at once, EVERYTHING is recorded instead of their ids."""
REVISIONS_KEPT = 1000


class ChangeRows:
    """Reads the changes that writers of tasks and annotations record."""

    _database: Database

    def changes(self, project_id: int, since: int) -> tuple[int, set[int] | None]:
        """The current revision, and ids of tasks that changed after revision `since`; None means: read all tasks."""
        table, revision = tables.task_changes, tables.revisions
        with self._database.reading() as connection:
            newest = connection.execute(
                select(revision.c.revision).where(revision.c.project_id == project_id)
            ).scalar_one_or_none()
            if newest is None or newest == since:
                return newest or 0, None if since != (newest or 0) else set()
            recorded = connection.execute(
                select(func.count(func.distinct(table.c.revision))).where(
                    table.c.project_id == project_id, table.c.revision > since
                )
            ).scalar_one()
            if recorded < newest - since:
                return newest, None
            query = select(table.c.task_id).where(table.c.project_id == project_id, table.c.revision > since)
            changed = set(connection.execute(query.distinct()).scalars())
        return newest, None if EVERYTHING in changed else changed


def record_changes(database: Database, connection: Connection, project_id: int, task_ids: Iterable[int]) -> None:
    """Record, in the transaction of the writer, which tasks it changed."""
    ids = sorted(set(task_ids))
    if not ids:
        return
    if len(ids) > MAX_IDS_RECORDED:
        ids = [EVERYTHING]
    table, revisions = tables.task_changes, tables.revisions
    statement = database.upsert(revisions).values(project_id=project_id, revision=1)
    # The row stays locked until the writer commits, so readers see the revisions of a project in order.
    statement = statement.on_conflict_do_update(
        index_elements=[revisions.c.project_id], set_={"revision": revisions.c.revision + 1}
    ).returning(revisions.c.revision)
    revision = connection.execute(statement).scalar_one()
    for chunk in slices([{"project_id": project_id, "revision": revision, "task_id": i} for i in ids]):
        connection.execute(insert(table), chunk)
    connection.execute(
        delete(table).where(table.c.project_id == project_id, table.c.revision <= revision - REVISIONS_KEPT)
    )
