"""The history of runs that fitted a head."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import func, insert, select

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.learning_records import RunRecord

_COLUMNS = [tables.runs.c[field.name] for field in fields(RunRecord)]


class RunRows:
    """Reads and writes the history of runs."""

    _database: Database

    def add_run(self, run: RunRecord) -> None:
        """Add a run to the history."""
        with self._database.writing() as connection:
            connection.execute(insert(tables.runs).values(**vars(run)))

    def runs(self, project_id: int, limit: int = 100) -> list[RunRecord]:
        """The last runs, oldest first."""
        table = tables.runs
        query = select(*_COLUMNS).where(table.c.project_id == project_id).order_by(table.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [RunRecord(**row._mapping) for row in connection.execute(query)][::-1]

    def seconds_of_last_runs(self) -> dict[int, dict[str, float]]:
        """Duration of each step of every project's last run, by one query that does not grow with the history."""
        table, projects = tables.runs, tables.projects
        newest = select(func.max(table.c.id)).where(table.c.project_id == projects.c.id).scalar_subquery()
        query = select(table.c.project_id, table.c.seconds).where(table.c.id.in_(select(newest)))
        with self._database.reading() as connection:
            return dict(connection.execute(query).tuples().all())
