"""Leases: which worker is running a project. A lease expires if its owner does not renew it.

Times are those of the database, so that machines whose clocks differ agree on what has expired.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, or_, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database

CLOCK_TOLERANCE_SECONDS = 60.0
"""How far the clock may be set back before everything that was to expire later counts as expired."""


def has_expired(until: ColumnElement[float], now: ColumnElement[float], seconds: float) -> ColumnElement[bool]:
    """Whether a lease or claim of at most `seconds` has expired; one from before the clock was set back has."""
    return or_(until < now, until > now + seconds + CLOCK_TOLERANCE_SECONDS)


class LeaseRows:
    """Acquires, renews and releases leases."""

    _database: Database

    def acquire_lease(self, project_id: int, owner: str, seconds: float) -> bool:
        """Acquire the lease for `seconds`; returns False if another owner holds one that has not expired."""
        now = self._database.now()
        table = tables.leases
        statement = self._database.upsert(table).values(project_id=project_id, owner=owner, until=now + seconds)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.project_id],
            set_={"owner": owner, "until": now + seconds},
            where=or_(has_expired(table.c.until, now, seconds), table.c.owner == owner),
        )
        with self._database.writing() as connection:
            connection.execute(statement)
            holder = connection.execute(select(table.c.owner).where(table.c.project_id == project_id))
            return bool(holder.scalar_one() == owner)

    def renew_lease(self, project_id: int, owner: str, seconds: float) -> None:
        """Let the lease expire `seconds` from now, if `owner` still holds it."""
        table = tables.leases
        with self._database.writing() as connection:
            connection.execute(
                update(table)
                .where(table.c.project_id == project_id, table.c.owner == owner)
                .values(until=self._database.now() + seconds)
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

    def lease_owners(self) -> list[str]:
        """Owners of all leases in the database, expired ones included."""
        with self._database.reading() as connection:
            return list(connection.execute(select(tables.leases.c.owner)).scalars())

    def delete_leases(self, owners: list[str]) -> None:
        """Delete the leases of these owners, whose processes have ended."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.leases).where(tables.leases.c.owner.in_(owners)))
