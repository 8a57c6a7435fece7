"""Candidates: projects that a request named and that Label Studio has not confirmed yet."""

from __future__ import annotations

import time

from sqlalchemy import and_, delete, func, or_, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.records import CandidateRecord

MOST_CANDIDATES = 200
"""Further ones are refused until some are confirmed or dropped."""
CLAIM_SECONDS = 60.0
"""How long a candidate that a worker asks Label Studio for is left alone by others."""
LONGEST_PAUSE_SECONDS = 120.0
"""No candidate waits longer for its next try: a later time was written before the clock was set back."""


class CandidateRows:
    """Reads and writes candidates."""

    _database: Database

    def add_candidate(self, project_id: int, backend_url: str | None = None) -> bool:
        """Store that a request named this project; Label Studio is asked for it at once, also if it is stored already.

        backend_url: the address that was called, None to keep the one stored. Returns False, and stores nothing, while
        there are MOST_CANDIDATES others. One that is due already keeps its place, and nothing is written.
        """
        table, now = tables.candidates, time.time()
        stored = select(table.c.check_after, table.c.backend_url).where(table.c.project_id == project_id)
        others = select(func.count()).select_from(table).where(table.c.project_id != project_id)
        with self._database.reading() as connection:
            row = connection.execute(stored).one_or_none()
            if row is not None and row.check_after <= now and backend_url in (None, row.backend_url):
                return True
            if row is None and connection.execute(others).scalar_one() >= MOST_CANDIDATES:
                return False
        address = {} if backend_url is None else {"backend_url": backend_url}
        statement = self._database.upsert(table).values(project_id=project_id, heard_at=now, check_after=now, **address)
        with self._database.writing() as connection:
            if row is None and connection.execute(others).scalar_one() >= MOST_CANDIDATES:
                return False
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[table.c.project_id], set_={"check_after": now, **address}
                )
            )
        return True

    def candidate(self, project_id: int) -> CandidateRecord | None:
        """The candidate, or None if there is none with this id."""
        query = select(tables.candidates).where(tables.candidates.c.project_id == project_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else CandidateRecord(**row._mapping)

    def take_due_candidate(self) -> CandidateRecord | None:
        """The candidate that has been due longest, with this try counted; other workers leave it alone for a minute."""
        table, now = tables.candidates, time.time()
        is_due = or_(table.c.check_after <= now, table.c.check_after > now + LONGEST_PAUSE_SECONDS)
        due = select(table).where(is_due).order_by(table.c.check_after, table.c.project_id).limit(1)
        with self._database.reading() as connection:
            if connection.execute(due).first() is None:
                return None
        with self._database.writing() as connection:
            row = connection.execute(due).one_or_none()
            if row is None:
                return None
            unchanged = and_(table.c.project_id == row.project_id, table.c.check_after == row.check_after)
            claim = update(table).where(unchanged).values(tries=table.c.tries + 1, check_after=now + CLAIM_SECONDS)
            claimed = connection.execute(claim.returning(*table.c)).one_or_none()
        return None if claimed is None else CandidateRecord(**claimed._mapping)

    def postpone_candidate(self, project_id: int, seconds: float, counts: bool = True) -> None:
        """Let the candidate be due in so many seconds; counts: whether the try that was made counts."""
        table = tables.candidates
        tries = table.c.tries if counts else table.c.tries - 1
        changes = {"tries": tries, "check_after": time.time() + seconds}
        with self._database.writing() as connection:
            connection.execute(update(table).where(table.c.project_id == project_id).values(**changes))

    def drop_candidate(self, project_id: int) -> None:
        """Delete a candidate, since it was confirmed or will not be."""
        table = tables.candidates
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.project_id == project_id))
