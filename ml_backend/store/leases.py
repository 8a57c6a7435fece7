"""Leases: which worker is running a project. A lease expires if its owner does not renew it.

Times are those of the database, so that machines whose clocks differ agree on what has expired.

A process that is frozen for longer than that goes on with its run when it is resumed, while another one has the lease.
It is stopped by `LeaseRows.under_lease`: every write of a run checks, in its own transaction, that the lease is still
the run's.
"""

from __future__ import annotations

import copy
from typing import Self

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database

CLOCK_TOLERANCE_SECONDS = 60.0
"""A time further in the future than this is from before the clock was set back.

Less may be the wait for a lock: `now` was taken before it, and another process renewed its lease meanwhile.
"""


class LeaseLost(Exception):
    """Another worker has the lease of the project, so this run must not write any more."""


def is_held(now: ColumnElement[float]) -> ColumnElement[bool]:
    """Whether a lease counts. One renewed in the future was renewed before the clock was set back, and does not."""
    return (tables.leases.c.until >= now) & (tables.leases.c.renewed_at <= now + CLOCK_TOLERANCE_SECONDS)


class LeaseRows:
    """Acquires, renews and releases leases."""

    _database: Database

    def acquire_lease(self, project_id: int, owner: str, seconds: float) -> bool:
        """Acquire the lease for `seconds`; returns False if another owner holds one that has not expired."""
        table, now = tables.leases, self._database.now()
        mine = {"owner": owner, "until": now + seconds, "renewed_at": now}
        statement = self._database.upsert(table).values(project_id=project_id, **mine)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.project_id],
            set_=mine,
            where=or_(~is_held(now), table.c.owner == owner),
        )
        with self._database.writing() as connection:
            connection.execute(statement)
            holder = connection.execute(select(table.c.owner).where(table.c.project_id == project_id))
            return bool(holder.scalar_one() == owner)

    def renew_lease(self, project_id: int, owner: str, seconds: float) -> None:
        """Let the lease expire `seconds` from now, if `owner` still holds it."""
        table, now = tables.leases, self._database.now()
        with self._database.writing() as connection:
            connection.execute(
                update(table)
                .where(table.c.project_id == project_id, table.c.owner == owner)
                .values(until=now + seconds, renewed_at=now)
            )

    def release_lease(self, project_id: int, owner: str) -> None:
        """Release the lease, if `owner` holds it."""
        table = tables.leases
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.project_id == project_id, table.c.owner == owner))

    def lease_owner(self, project_id: int) -> str | None:
        """The owner of the project's lease, which may have expired; None without a lease."""
        query = select(tables.leases.c.owner).where(tables.leases.c.project_id == project_id)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def under_lease(self, project_id: int, owner: str) -> Self:
        """The same store for a run of this owner: its methods write nothing and raise LeaseLost once the lease is lost.

        Closing it closes the store that it was made from.
        """

        def check(connection: Connection) -> None:
            # The row stays locked until the transaction ends, so no other worker gets the lease before that.
            query = select(tables.leases.c.owner).where(tables.leases.c.project_id == project_id)
            holder = connection.execute(query.with_for_update(read=True)).scalar_one_or_none()
            if holder != owner:
                raise LeaseLost(f"project {project_id}: the lease is held by {holder or 'no worker'}, not by {owner}")

        view = copy.copy(self)
        view._database = self._database.checked(check)
        return view

    def require_lease(self) -> None:
        """Raise LeaseLost if this store was made by `under_lease` and the lease is lost."""
        with self._database.writing():
            pass

    def lease_owners(self) -> list[str]:
        """Owners of all leases in the database, expired ones included."""
        with self._database.reading() as connection:
            return list(connection.execute(select(tables.leases.c.owner)).scalars())

    def delete_leases(self, owners: list[str]) -> None:
        """Delete the leases of these owners, whose processes have ended."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.leases).where(tables.leases.c.owner.in_(owners)))
