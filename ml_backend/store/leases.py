"""Leases: which worker runs a project now. A lease ends by itself when its owner renews it no more."""

from __future__ import annotations

import time

from sqlalchemy import delete, or_, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database


class LeaseRows:
    """Acquires, renews and releases leases."""

    _database: Database

    def acquire_lease(self, project_id: int, owner: str, seconds: float) -> bool:
        """Whether `owner` may run the project now, for `seconds`; a lease that has expired belongs to nobody."""
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
        """Have the lease expire `seconds` from now, if `owner` still holds it."""
        table = tables.leases
        with self._database.writing() as connection:
            connection.execute(
                update(table)
                .where(table.c.project_id == project_id, table.c.owner == owner)
                .values(until=time.time() + seconds)
            )

    def release_lease(self, project_id: int, owner: str) -> None:
        """Let others run the project."""
        table = tables.leases
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.project_id == project_id, table.c.owner == owner))

    def lease_owners(self) -> list[str]:
        """Owners of the leases that were neither released nor deleted."""
        with self._database.reading() as connection:
            return list(connection.execute(select(tables.leases.c.owner)).scalars())

    def delete_leases(self, owners: list[str]) -> None:
        """Delete the leases of these owners, whose processes are known to be dead."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.leases).where(tables.leases.c.owner.in_(owners)))
