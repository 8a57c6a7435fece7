"""Leases: which worker is running a project. A lease expires if its owner does not renew it."""

from __future__ import annotations

import time

from sqlalchemy import delete, or_, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database


class LeaseRows:
    """Acquires, renews and releases leases."""

    _database: Database

    def acquire_lease(self, project_id: int, owner: str, seconds: float) -> bool:
        """Acquire the lease for `seconds`; returns False if another owner holds one that has not expired."""
        now = time.time()
        table = tables.leases
        statement = self._database.upsert(table).values(project_id=project_id, owner=owner, until=now + seconds)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.project_id],
            set_={"owner": owner, "until": now + seconds},
            where=or_(table.c.until < now, table.c.owner == owner),
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
                .values(until=time.time() + seconds)
            )

    def release_lease(self, project_id: int, owner: str) -> None:
        """Release the lease, if `owner` holds it."""
        table = tables.leases
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.project_id == project_id, table.c.owner == owner))

    def lease_owners(self) -> list[str]:
        """Owners of all leases in the database, expired ones included."""
        with self._database.reading() as connection:
            return list(connection.execute(select(tables.leases.c.owner)).scalars())

    def delete_leases(self, owners: list[str]) -> None:
        """Delete the leases of these owners, whose processes have ended."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.leases).where(tables.leases.c.owner.in_(owners)))
