"""Finds out whether the database can be written to."""

from __future__ import annotations

import time

from ml_backend.store import tables
from ml_backend.store.database import Database

NAME = "ready"


class WriteProbeRow:
    """Writes one row, always the same."""

    _database: Database

    def probe_write(self) -> None:
        """Write and commit one row. Raises sqlalchemy.exc.SQLAlchemyError if the database cannot be written to."""
        table, now = tables.write_probes, time.time()
        statement = self._database.upsert(table).values(name=NAME, written_at=now)
        statement = statement.on_conflict_do_update(index_elements=[table.c.name], set_={"written_at": now})
        with self._database.writing() as connection:
            connection.execute(statement)
