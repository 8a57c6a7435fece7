"""Doubtful labels and disagreements that a person looked at and found right, so that they are not listed again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import delete, select

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.states import DoubtKind


@dataclass(frozen=True)
class Dismissal:
    """What was dismissed. key: of the label that was doubted, see `doubts`; at: Unix time."""

    kind: DoubtKind
    task_id: int
    key: str
    who: str
    at: float


class DismissalRows:
    """Reads and writes dismissals."""

    _database: Database

    def dismiss(self, project_id: int, kind: DoubtKind, task_id: int, key: str, who: str) -> None:
        """Remember that a label is right. One that was dismissed already keeps who did so."""
        table = tables.dismissals
        row = {
            "project_id": project_id,
            "kind": kind.value,
            "task_id": task_id,
            "key": key,
            "who": who,
            "at": time.time(),
        }
        with self._database.writing() as connection:
            connection.execute(self._database.upsert(table).values(**row).on_conflict_do_nothing())

    def undo_dismissal(self, project_id: int, kind: DoubtKind, task_id: int, key: str) -> None:
        """Forget that a label is right."""
        table = tables.dismissals
        with self._database.writing() as connection:
            connection.execute(
                delete(table).where(
                    table.c.project_id == project_id,
                    table.c.kind == kind.value,
                    table.c.task_id == task_id,
                    table.c.key == key,
                )
            )

    def dismissals(self, project_id: int, kind: DoubtKind) -> dict[tuple[int, str], Dismissal]:
        """(task id, key) → what was dismissed, the last first."""
        table = tables.dismissals
        query = select(table.c.task_id, table.c.key, table.c.who, table.c.at)
        query = query.where(table.c.project_id == project_id, table.c.kind == kind.value).order_by(table.c.at.desc())
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {(row.task_id, row.key): Dismissal(kind, row.task_id, row.key, row.who, row.at) for row in rows}
