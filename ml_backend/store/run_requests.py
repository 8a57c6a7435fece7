"""Requests for runs: rows keyed by project and reason, so that several requests lead to one run.

Projects take turns: the one whose oldest request waits longest comes first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from sqlalchemy import Connection, and_, delete, exists, func, select, text, update

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.leases import CLOCK_TOLERANCE_SECONDS, is_held
from ml_backend.store.states import ASKED_BY_PEOPLE, RunReason

# Statements that users of Label Studio wait for are built once: building one takes longer than running it. This one is
# text, since SQLAlchemy compiles its own ON CONFLICT again at every call.
_REQUEST = text(
    "INSERT INTO run_requests (project_id, reason, requested_at) VALUES (:project_id, :reason, :requested_at) "
    "ON CONFLICT DO NOTHING"
)
_PENDING = select(tables.run_requests.c.project_id).distinct()

MISSING_WAITS_SECONDS = 60.0
"""A project that Label Studio does not show lets others pass as if it had been requested so much later."""
LONGEST_DELAY_SECONDS = 120.0
"""No failed run waits longer for its repetition: a later time was written before the clock was set back."""


class RunRequestRows:
    """Reads and writes requests for runs."""

    _database: Database

    def request_run(self, project_id: int, reason: RunReason) -> bool:
        """Request a run; returns True if none was requested before, so that a worker has to be woken.

        A run that a person asked for does not wait until a failed one is repeated, since it may be the remedy.
        Raises ValueError if `reason` is not a `RunReason`.
        """
        table = tables.run_requests
        with self._database.writing() as connection:
            pending = connection.execute(select(exists().where(table.c.project_id == project_id))).scalar_one()
            insert_requests(connection, [(project_id, reason)])
            if reason in ASKED_BY_PEOPLE:
                connection.execute(update(table).where(table.c.project_id == project_id).values(not_before=None))
        return not pending

    def put_off_runs(self, project_id: int, seconds: float) -> None:
        """Let no worker take the requests of a project for so many seconds."""
        table = tables.run_requests
        with self._database.writing() as connection:
            connection.execute(
                update(table).where(table.c.project_id == project_id).values(not_before=self._database.now() + seconds)
            )

    def waiting_projects(self) -> list[int]:
        """Projects that a worker may run now, the one that waits longest first; none that a worker is running."""
        requests, leases, projects = tables.run_requests, tables.leases, tables.projects
        now = self._database.now()
        query = (
            select(
                requests.c.project_id,
                func.min(requests.c.requested_at).label("requested_at"),
                func.max(requests.c.not_before).label("not_before"),
                func.max(projects.c.missing_since).label("missing_since"),
                now.label("now"),
            )
            .outerjoin(leases, and_(leases.c.project_id == requests.c.project_id, is_held(now)))
            .outerjoin(projects, projects.c.id == requests.c.project_id)
            .where(leases.c.owner.is_(None))
            .group_by(requests.c.project_id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        turns = [
            (_turn(row.requested_at, row.now, row.missing_since is not None), row.project_id)
            for row in rows
            if row.not_before is None or not row.now < row.not_before <= row.now + LONGEST_DELAY_SECONDS
        ]
        return [project_id for _, project_id in sorted(turns)]

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


def _turn(requested_at: float, now: float, is_missing: bool) -> float:
    """The time by which projects take turns; the lowest one comes first."""
    if requested_at > now + CLOCK_TOLERANCE_SECONDS:
        # From before the clock was set back: other projects would come first until the clock has caught up.
        requested_at = 0.0
    return requested_at + (MISSING_WAITS_SECONDS if is_missing else 0.0)


def projects_with_requests(connection: Connection) -> set[int]:
    """Ids of projects for which a run is requested, within a transaction."""
    return set(connection.execute(_PENDING).scalars())


def insert_requests(connection: Connection, requests: Iterable[tuple[int, RunReason]]) -> None:
    """Store (project id, reason) within a transaction; existing ones are not changed.

    Raises ValueError if a reason is not a `RunReason`.
    """
    now = time.time()
    rows = [
        {"project_id": project_id, "reason": RunReason(reason).value, "requested_at": now}
        for project_id, reason in requests
    ]
    connection.execute(_REQUEST, rows)
