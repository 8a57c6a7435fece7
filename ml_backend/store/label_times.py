"""When labels were given, counted by the database."""

from __future__ import annotations

from sqlalchemy import Integer, cast, func, select

from ml_backend.store import tables
from ml_backend.store.database import Database

QUARTER_SECONDS = 900
"""Days of all time zones begin at a quarter of an hour."""


class LabelTimeRows:
    """Counts submitted annotations by the time at which they were given."""

    _database: Database

    def labels_by_quarter(self, project_id: int, since: float) -> dict[int, int]:
        """Number of the quarter of an hour since 1970 → annotations submitted in it, from `since` (Unix time) on."""
        table = tables.annotation_table
        quarter = cast(func.floor(table.c.created_at / QUARTER_SECONDS), Integer).label("quarter")
        query = (
            select(quarter, func.count())
            .where(table.c.project_id == project_id, ~table.c.cancelled, table.c.created_at >= since)
            .group_by("quarter")
        )
        with self._database.reading() as connection:
            return dict(connection.execute(query).tuples().all())

    def labels_since(self, since: float) -> dict[int, int]:
        """Project → annotations submitted from `since` (Unix time) on; projects without any are left out."""
        table = tables.annotation_table
        query = select(table.c.project_id, func.count()).where(~table.c.cancelled, table.c.created_at >= since)
        with self._database.reading() as connection:
            return dict(connection.execute(query.group_by(table.c.project_id)).tuples().all())
