"""Which tasks of a project changed since somebody read them last: what is kept in memory stays level with the store."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select

from ml_backend.store import tables
from ml_backend.store.database import Database, slices

EVERYTHING = 0
MOST_NAMED = 2000
"""More tasks than this changed at once are not named one by one."""
REVISIONS_KEPT = 1000


class ChangeRows:
    """Reads the revisions that the writers of tasks and annotations leave."""

    _database: Database

    def changes(self, project_id: int, since: int) -> tuple[int, set[int] | None]:
        """The revision now, and the tasks that changed after `since`; None when all have to be read again."""
        table, revision = tables.task_changes, tables.revisions
        with self._database.reading() as connection:
            newest = connection.execute(
                select(revision.c.revision).where(revision.c.project_id == project_id)
            ).scalar_one_or_none()
            if newest is None or newest == since:
                return newest or 0, None if since != (newest or 0) else set()
            known = connection.execute(
                select(func.count(func.distinct(table.c.revision))).where(
                    table.c.project_id == project_id, table.c.revision > since
                )
            ).scalar_one()
            if known < newest - since:
                return newest, None
            query = select(table.c.task_id).where(table.c.project_id == project_id, table.c.revision > since)
            changed = set(connection.execute(query.distinct()).scalars())
        return newest, None if EVERYTHING in changed else changed


def note_changes(database: Database, connection: Connection, project_id: int, task_ids: Iterable[int]) -> None:
    """Write down, in the writer's own transaction, which tasks it changed."""
    named = sorted(set(task_ids))
    if not named:
        return
    if len(named) > MOST_NAMED:
        named = [EVERYTHING]
    table, revisions = tables.task_changes, tables.revisions
    statement = database.upsert(revisions).values(project_id=project_id, revision=1)
    # The row stays locked until the writer commits: revisions of a project are seen in their order.
    statement = statement.on_conflict_do_update(
        index_elements=[revisions.c.project_id], set_={"revision": revisions.c.revision + 1}
    ).returning(revisions.c.revision)
    revision = connection.execute(statement).scalar_one()
    for some in slices([{"project_id": project_id, "revision": revision, "task_id": i} for i in named]):
        connection.execute(insert(table), some)
    connection.execute(
        delete(table).where(table.c.project_id == project_id, table.c.revision <= revision - REVISIONS_KEPT)
    )
