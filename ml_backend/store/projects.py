"""Projects: their states, their settings, and how far reading and learning have come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Unpack

from sqlalchemy import Connection, Row, Select, bindparam, delete, select, update

from ml_backend.store import tables
from ml_backend.store.changes import EVERYTHING, record_changes
from ml_backend.store.database import Database
from ml_backend.store.records import ProjectChanges, ProjectRecord
from ml_backend.store.unused_texts import delete_unused_texts

# Statements that users of Label Studio wait for are built once: building one takes longer than running it.
_EXISTS = select(tables.projects.c.id).where(tables.projects.c.id == bindparam("project_id"))
_PROJECT_AND_HEAD = select(
    tables.projects,
    select(tables.heads.c.version)
    .where(tables.heads.c.project_id == bindparam("project_id"))
    .order_by(tables.heads.c.created_at.desc())
    .limit(1)
    .scalar_subquery()
    .label("head"),
).where(tables.projects.c.id == bindparam("project_id"))


class ProjectRows:
    """Reads and writes projects."""

    _database: Database

    def ensure_project(self, project_id: int, **changes: Unpack[ProjectChanges]) -> ProjectRecord:
        """Add the project if it is new, write `changes`, and return it. Raises ValueError for an unknown field."""
        with self._database.writing() as connection:
            connection.execute(self._database.upsert(tables.projects).values(id=project_id).on_conflict_do_nothing())
            if changes:
                _update(connection, project_id, changes)
            return _project(connection.execute(_select_project(project_id)).one())

    def project(self, project_id: int) -> ProjectRecord | None:
        """The project, or None if it is unknown."""
        with self._database.reading() as connection:
            row = connection.execute(_select_project(project_id)).one_or_none()
        return None if row is None else _project(row)

    def project_exists(self, project_id: int) -> bool:
        """Whether the project is known."""
        with self._database.reading() as connection:
            return bool(existing_projects(connection, [project_id]))

    def project_and_head(self, project_id: int) -> tuple[ProjectRecord | None, str | None]:
        """The project and the version of its newest head, by one query; None for each that does not exist."""
        with self._database.reading() as connection:
            row = connection.execute(_PROJECT_AND_HEAD, {"project_id": project_id}).one_or_none()
        if row is None:
            return None, None
        return ProjectRecord(**{name: value for name, value in row._mapping.items() if name != "head"}), row.head

    def projects(self) -> list[ProjectRecord]:
        """All projects, ordered by id."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tables.projects).order_by(tables.projects.c.id)).all()
        return [_project(row) for row in rows]

    def update_project(self, project_id: int, **changes: Unpack[ProjectChanges]) -> None:
        """Write fields of ProjectRecord; an unknown project is ignored. Raises ValueError for an unknown field."""
        with self._database.writing() as connection:
            _update(connection, project_id, changes)

    def pause_project(self, project_id: int, who: str) -> bool:
        """Note who paused a project; returns False if somebody had, who is kept, or if the project is unknown."""
        table = tables.projects
        goes_on = (table.c.id == project_id) & table.c.paused_at.is_(None)
        with self._database.writing() as connection:
            values = {"paused_at": time.time(), "paused_by": who}
            return connection.execute(update(table).where(goes_on).values(**values)).rowcount > 0

    def resume_project(self, project_id: int) -> bool:
        """Let a paused project go on; returns False if it was not paused."""
        table = tables.projects
        is_paused = (table.c.id == project_id) & table.c.paused_at.is_not(None)
        with self._database.writing() as connection:
            values = {"paused_at": None, "paused_by": None}
            return connection.execute(update(table).where(is_paused).values(**values)).rowcount > 0

    def count_failed_run(self, project_id: int) -> None:
        """Add one to the number of runs that failed; an unknown project is ignored."""
        table = tables.projects
        with self._database.writing() as connection:
            connection.execute(
                update(table).where(table.c.id == project_id).values(failed_runs=table.c.failed_runs + 1)
            )

    def forget_project(self, project_id: int) -> None:
        """Delete all data of a project; texts and vectors that another project uses are kept."""
        with self._database.writing() as connection:
            texts = select(tables.tasks.c.text_hash).where(tables.tasks.c.project_id == project_id)
            hashes = [h for h in connection.execute(texts.distinct()).scalars() if h is not None]
            record_changes(self._database, connection, project_id, [EVERYTHING])
            for table in tables.TABLES_OF_A_PROJECT:
                connection.execute(delete(table).where(table.c.project_id == project_id))
            connection.execute(delete(tables.projects).where(tables.projects.c.id == project_id))
            delete_unused_texts(connection, hashes)


def existing_projects(connection: Connection, project_ids: Iterable[int]) -> set[int]:
    """Those of the projects that exist, within a transaction."""
    return {n for n in project_ids if connection.execute(_EXISTS, {"project_id": n}).first() is not None}


def lock_project(connection: Connection, project_id: int) -> bool:
    """Let other transactions that lock the project wait until this one ends; returns False for an unknown project.

    For what reads rows and then adds others: on PostgreSQL two of them would not see each other's rows.
    """
    query = select(tables.projects.c.id).where(tables.projects.c.id == project_id).with_for_update()
    return connection.execute(query).first() is not None


def _select_project(project_id: int) -> Select[Any]:
    return select(tables.projects).where(tables.projects.c.id == project_id)


def _project(row: Row[Any]) -> ProjectRecord:
    return ProjectRecord(**row._mapping)


_FIELDS = {field.name for field in fields(ProjectRecord)} - {"id"}


def _update(connection: Connection, project_id: int, changes: Mapping[str, Any]) -> None:
    unknown = set(changes) - _FIELDS
    if unknown:
        raise ValueError(f"a project has no field {', '.join(sorted(unknown))}; see ProjectRecord")
    connection.execute(update(tables.projects).where(tables.projects.c.id == project_id).values(**changes))
