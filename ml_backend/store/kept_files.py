"""Files that jobs make, in parts, so that a large one is never in memory as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, delete, func, select

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.job_records import KeptFile


class KeptFileRows:
    """Reads and writes files of projects."""

    _database: Database

    def put_file(self, project_id: int, name: str, content: bytes, about: dict[str, Any] | None = None) -> None:
        """Write a file of one part, in place of an earlier one of the same name. about: what its reader has to know."""
        table = tables.kept_files
        with self._database.writing() as connection:
            self._write_part(connection, project_id, name, 0, content, about)
            connection.execute(delete(table).where(_is(project_id, name), table.c.part > 0))

    def put_part(
        self, project_id: int, name: str, part: int, content: bytes, about: dict[str, Any] | None = None
    ) -> None:
        """Write one part of a file, in place of an earlier one of the same number. about: of part 0."""
        with self._database.writing() as connection:
            self._write_part(connection, project_id, name, part, content, about)

    def files(self, project_id: int, prefix: str = "") -> list[KeptFile]:
        """The files of a project whose names begin with `prefix`, by name."""
        table = tables.kept_files
        is_listed = (table.c.project_id == project_id) & table.c.name.startswith(prefix, autoescape=True)
        sizes = (
            select(table.c.name, func.max(table.c.made_at), func.sum(func.length(table.c.content)))
            .where(is_listed)
            .group_by(table.c.name)
            .order_by(table.c.name)
        )
        notes = select(table.c.name, table.c.about).where(is_listed, table.c.part == 0)
        with self._database.reading() as connection:
            about = {row[0]: row[1] or {} for row in connection.execute(notes)}
            return [KeptFile(row[0], row[1], int(row[2]), about.get(row[0], {})) for row in connection.execute(sizes)]

    def kept_file(self, project_id: int, name: str) -> KeptFile | None:
        """The file of this name, or None."""
        return next((file for file in self.files(project_id, name) if file.name == name), None)

    def file_content(self, project_id: int, name: str) -> bytes | None:
        """The whole content of a file, or None."""
        parts = list(self.file_parts(project_id, name))
        return b"".join(parts) if parts else None

    def file_parts(self, project_id: int, name: str) -> Iterator[bytes]:
        """Yields the parts of a file in order, one query each; nothing for a file that does not exist."""
        table = tables.kept_files
        part: int | None = -1
        while part is not None:
            query = select(table.c.part, table.c.content).where(_is(project_id, name), table.c.part > part)
            with self._database.reading() as connection:
                row = connection.execute(query.order_by(table.c.part).limit(1)).one_or_none()
            part = None if row is None else row.part
            if row is not None:
                yield bytes(row.content)

    def drop_files(self, project_id: int, prefix: str) -> None:
        """Delete the files of a project whose names begin with `prefix`."""
        table = tables.kept_files
        named = (table.c.project_id == project_id) & table.c.name.startswith(prefix, autoescape=True)
        with self._database.writing() as connection:
            connection.execute(delete(table).where(named))

    def _write_part(
        self,
        connection: Connection,
        project_id: int,
        name: str,
        part: int,
        content: bytes,
        about: dict[str, Any] | None,
    ) -> None:
        """Write a part in one statement, since two workers may write the same file at the same moment, as of a map."""
        table = tables.kept_files
        statement = self._database.upsert(table).values(
            project_id=project_id, name=name, part=part, made_at=time.time(), about=about, content=content
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(table.primary_key.columns),
                set_={column: statement.excluded[column] for column in ("made_at", "about", "content")},
            )
        )


def _is(project_id: int, name: str) -> Any:
    return (tables.kept_files.c.project_id == project_id) & (tables.kept_files.c.name == name)
