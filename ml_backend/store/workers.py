"""When each worker was seen last, so that the status can say whether any is running."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from ml_backend.store import tables
from ml_backend.store.database import Database

OVERDUE_SECONDS = 60.0
"""If no worker was seen for so long, none is running: each one reports every 15 seconds."""
FORGOTTEN_SECONDS = 86_400.0
SKEW_SECONDS = 60.0
"""A worker that was seen further in the future than this was seen before the clock was set back."""


class WorkerRows:
    """Reads and writes the times at which workers were seen."""

    _database: Database

    def report_worker(self, owner: str) -> None:
        """Store that this worker is running now, and forget workers that were not seen for a day."""
        table, now = tables.workers, self._database.now()
        statement = self._database.upsert(table).values(owner=owner, seen_at=now)
        statement = statement.on_conflict_do_update(index_elements=[table.c.owner], set_={"seen_at": now})
        with self._database.writing() as connection:
            connection.execute(statement)
            connection.execute(delete(table).where(table.c.seen_at < now - FORGOTTEN_SECONDS))

    def worker_seen_at(self) -> float | None:
        """Unix time at which any worker was seen last, or None; times in the future are left out."""
        seen = tables.workers.c.seen_at
        query = select(func.max(seen)).where(seen <= self._database.now() + SKEW_SECONDS)
        with self._database.reading() as connection:
            seen_at: float | None = connection.execute(query).scalar_one()
        return seen_at

    def count_workers(self, seconds: float) -> int:
        """Number of workers that were seen in the last `seconds`."""
        seen, now = tables.workers.c.seen_at, self._database.now()
        query = select(func.count()).where(seen > now - seconds, seen <= now + SKEW_SECONDS)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())
