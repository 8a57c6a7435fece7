"""Requests for runs: rows keyed by project and reason, so that requests made meanwhile are merged into one run."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, exists, select, text

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.states import RunReason

# Statements of the calls that Label Studio's users wait for are built once: building one takes longer than running it.
# As text, since what SQLAlchemy makes of ON CONFLICT is compiled anew at every call.
_REQUEST = text("INSERT INTO run_requests (project_id, reason) VALUES (:project_id, :reason) ON CONFLICT DO NOTHING")
_PENDING = select(tables.run_requests.c.project_id).distinct()


class RunRequestRows:
    """Reads and writes requests for runs."""

    _database: Database

    def request_run(self, project_id: int, reason: RunReason) -> bool:
        """Ask for a run; True when none was asked for yet, so that a worker has to be woken.

        Raises ValueError for what is not a `RunReason`.
        """
        table = tables.run_requests
        with self._database.writing() as connection:
            pending = connection.execute(select(exists().where(table.c.project_id == project_id))).scalar_one()
            insert_requests(connection, [(project_id, reason)])
        return not pending

    def take_requests(self, project_id: int) -> list[RunReason]:
        """The reasons for which a run was asked; they are taken, later ones lead to another run."""
        table = tables.run_requests
        with self._database.writing() as connection:
            taken = connection.execute(delete(table).where(table.c.project_id == project_id).returning(table.c.reason))
            return sorted(taken.scalars())

    def pending_projects(self) -> list[int]:
        """Projects for which a run was asked."""
        with self._database.reading() as connection:
            return sorted(projects_with_requests(connection))


def projects_with_requests(connection: Connection) -> set[int]:
    """Projects for which a run was asked, within a transaction."""
    return set(connection.execute(_PENDING).scalars())


def insert_requests(connection: Connection, requests: Iterable[tuple[int, RunReason]]) -> None:
    """Keep (project id, reason) within a transaction; those that are kept already stay."""
    rows = [{"project_id": project_id, "reason": RunReason(reason).value} for project_id, reason in requests]
    connection.execute(_REQUEST, rows)
