"""Who changed the settings of a project, when, and from what to what."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import insert, select

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.records import SettingChangeRecord


class SettingChangeRows:
    """Reads and writes changes of settings."""

    _database: Database

    def add_setting_change(self, project_id: int, who: str, changes: dict[str, list[Any]]) -> None:
        """Store a change, if there is any.

        who: the person or the key, for people; changes: name → [value before, value after].
        """
        if not changes:
            return
        row = {"project_id": project_id, "at": time.time(), "who": who, "changes": changes}
        with self._database.writing() as connection:
            connection.execute(insert(tables.setting_changes).values(**row))

    def setting_changes(self, project_id: int, limit: int = 50) -> list[SettingChangeRecord]:
        """The last changes, newest first."""
        table = tables.setting_changes
        query = select(table).where(table.c.project_id == project_id).order_by(table.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [SettingChangeRecord(**row._mapping) for row in connection.execute(query)]
