"""Requests for runs: rows keyed by project and reason, so that several requests lead to one run."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, exists, select, text

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.states import RunReason

# Statements that users of Label Studio wait for are built once: building one takes longer than running it. This one is
# text, since SQLAlchemy compiles its own ON CONFLICT again at every call.
_REQUEST = text("INSERT INTO run_requests (project_id, reason) VALUES (:project_id, :reason) ON CONFLICT DO NOTHING")
_PENDING = select(tables.run_requests.c.project_id).distinct()


class RunRequestRows:
    """Reads and writes requests for runs."""

    _database: Database

    def request_run(self, project_id: int, reason: RunReason) -> bool:
        """Request a run; returns True if none was requested before, so that a worker has to be woken.

        Raises ValueError if `reason` is not a `RunReason`.
        """
        table = tables.run_requests
        with self._database.writing() as connection:
            pending = connection.execute(select(exists().where(table.c.project_id == project_id))).scalar_one()
            insert_requests(connection, [(project_id, reason)])
        return not pending

    def take_requests(self, project_id: int) -> list[RunReason]:
        """Delete and return the reasons for which a run was requested; later requests lead to another run."""
        table = tables.run_requests
        with self._database.writing() as connection:
            reasons = connection.execute(
                delete(table).where(table.c.project_id == project_id).returning(table.c.reason)
            )
            return sorted(reasons.scalars())

    def pending_projects(self) -> list[int]:
        """Ids of projects for which a run is requested, in ascending order."""
        with self._database.reading() as connection:
            return sorted(projects_with_requests(connection))


def projects_with_requests(connection: Connection) -> set[int]:
    """Ids of projects for which a run is requested, within a transaction."""
    return set(connection.execute(_PENDING).scalars())


def insert_requests(connection: Connection, requests: Iterable[tuple[int, RunReason]]) -> None:
    """Store (project id, reason) within a transaction; existing ones are not changed.

    Raises ValueError if a reason is not a `RunReason`.
    """
    rows = [{"project_id": project_id, "reason": RunReason(reason).value} for project_id, reason in requests]
    connection.execute(_REQUEST, rows)
