"""Candidates: projects that a request named and that Label Studio has not confirmed yet."""

from __future__ import annotations

import time

from sqlalchemy import delete, func, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.records import CandidateRecord

MOST_CANDIDATES = 200
"""Further ones are refused until some are confirmed or dropped."""


class CandidateRows:
    """Reads and writes candidates."""

    _database: Database

    def add_candidate(self, project_id: int, backend_url: str | None = None) -> bool:
        """Store that a request named this project; it is asked for at once, also if it is stored already.

        backend_url: the address that was called, None to keep the one stored. Returns False, and stores nothing, while
        there are MOST_CANDIDATES others.
        """
        table, now = tables.candidates, time.time()
        others = select(func.count()).select_from(table).where(table.c.project_id != project_id)
        address = {} if backend_url is None else {"backend_url": backend_url}
        statement = self._database.upsert(table).values(project_id=project_id, heard_at=now, check_after=now, **address)
        with self._database.writing() as connection:
            if connection.execute(others).scalar_one() >= MOST_CANDIDATES:
                return False
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[table.c.project_id], set_={"check_after": now, **address}
                )
            )
        return True

    def due_candidates(self, limit: int) -> list[CandidateRecord]:
        """Candidates to ask Label Studio for now, those that wait longest first."""
        table = tables.candidates
        query = select(table).where(table.c.check_after <= time.time()).order_by(table.c.check_after).limit(limit)
        with self._database.reading() as connection:
            return [CandidateRecord(**row._mapping) for row in connection.execute(query)]

    def postpone_candidate(self, project_id: int, seconds: float) -> None:
        """Count one try, and ask for the candidate again after so many seconds."""
        table = tables.candidates
        changes = {"tries": table.c.tries + 1, "check_after": time.time() + seconds}
        with self._database.writing() as connection:
            connection.execute(update(table).where(table.c.project_id == project_id).values(**changes))

    def drop_candidate(self, project_id: int) -> None:
        """Delete a candidate, since it was confirmed or will not be."""
        table = tables.candidates
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.project_id == project_id))
