"""A mark of all that the pages of a project show, by which an open page finds out cheaply that it is out of date."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlalchemy import func, select

from ml_backend.store import tables
from ml_backend.store.database import Database


class ChangeMarkRow:
    """Reads the mark."""

    _database: Database

    def change_mark(self, project_id: int, kinds: Collection[str]) -> str:
        """32 hexadecimal digits that change with the project, its batches, heads, evaluations, runs, events and jobs.

        kinds: of the jobs that count. It reads a few rows by their keys, however many tasks there are.
        """
        batches, heads, evaluations, runs = tables.batches, tables.heads, tables.evaluations, tables.runs
        events, requests, jobs = tables.events, tables.run_requests, tables.jobs
        asked, changes, dismissed = tables.requested_tasks, tables.setting_changes, tables.dismissals
        queries = [
            select(tables.projects).where(tables.projects.c.id == project_id),
            select(func.max(batches.c.number), func.max(batches.c.published_at)).where(
                batches.c.project_id == project_id
            ),
            select(func.max(heads.c.created_at)).where(heads.c.project_id == project_id),
            select(func.max(evaluations.c.at), func.count()).where(evaluations.c.project_id == project_id),
            select(func.max(runs.c.id)).where(runs.c.project_id == project_id),
            select(func.max(events.c.id), func.count()).where(events.c.project_id == project_id),
            select(func.count()).where(requests.c.project_id == project_id),
            select(jobs.c.state, func.max(jobs.c.id), func.count(), func.sum(jobs.c.done), func.max(jobs.c.phase))
            .where(jobs.c.project_id == project_id, jobs.c.kind.in_(kinds))
            .group_by(jobs.c.state)
            .order_by(jobs.c.state),
            select(func.max(asked.c.place), func.count()).where(asked.c.project_id == project_id),
            select(func.max(changes.c.id)).where(changes.c.project_id == project_id),
            select(func.max(dismissed.c.at), func.count()).where(dismissed.c.project_id == project_id),
        ]
        with self._database.reading() as connection:
            found = [[tuple(row) for row in connection.execute(query)] for query in queries]
        return hashlib.blake2b(repr(found).encode(), digest_size=16).hexdigest()
