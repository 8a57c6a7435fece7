"""Trained heads; the newest head of a project makes its predictions."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.evaluations import drop_newest_evaluation
from ml_backend.store.learning_records import HeadRecord, PriorRecord

_COLUMNS = [tables.heads.c[field.name] for field in fields(HeadRecord)]
HEADS_KEPT = 20
STEP_SECONDS = 0.001
"""A head is newer than those before it by this at least, also when the clock was set back."""


class HeadRows:
    """Reads and writes heads."""

    _database: Database

    def put_head(self, head: HeadRecord) -> float:
        """Store a head as the newest and return its `created_at`; of its project's others the last 19 are kept."""
        table = tables.heads
        with self._database.writing() as connection:
            created_at = max(head.created_at, _newest_time(connection, head.project_id) + STEP_SECONDS)
            connection.execute(insert(table).values(**{**vars(head), "created_at": created_at}))
            newest = (
                select(table.c.version)
                .where(table.c.project_id == head.project_id)
                .order_by(table.c.created_at.desc())
                .limit(HEADS_KEPT)
            )
            connection.execute(
                delete(table).where(
                    table.c.project_id == head.project_id,
                    table.c.version.not_in(newest),
                )
            )
        return created_at

    def current_head(self, project_id: int) -> HeadRecord | None:
        """The newest head, or None before the first fit."""
        newest = self._heads(_newest_first(project_id).limit(1))
        return newest[0] if newest else None

    def heads(self, project_id: int) -> list[HeadRecord]:
        """The stored heads, newest first."""
        return self._heads(_newest_first(project_id))

    def newest_class_priors(self) -> dict[int, PriorRecord]:
        """What the newest head of each project has from the class names; projects whose head has none are left out."""
        table = tables.heads
        newest = select(table.c.project_id, func.max(table.c.created_at).label("at")).group_by(table.c.project_id)
        times = newest.subquery()
        of_newest = (table.c.project_id == times.c.project_id) & (table.c.created_at == times.c.at)
        query = select(table.c.project_id, table.c.class_prior).join(times, of_newest)
        with self._database.reading() as connection:
            return dict(connection.execute(query.where(table.c.class_prior.is_not(None))).tuples().all())

    def models_of_heads(self) -> set[str]:
        """Names of the embedding models of all heads."""
        with self._database.reading() as connection:
            return set(connection.execute(select(tables.heads.c.embedding_model).distinct()).scalars())

    def drop_heads(self, project_id: int) -> None:
        """Delete a project's heads, for example when too few labels are left to fit one; the history stays."""
        with self._database.writing() as connection:
            drop_newest_evaluation(connection, project_id)
            connection.execute(delete(tables.heads).where(tables.heads.c.project_id == project_id))

    def _heads(self, query: Select[Any]) -> list[HeadRecord]:
        with self._database.reading() as connection:
            return [HeadRecord(**row._mapping) for row in connection.execute(query)]


def _newest_time(connection: Connection, project_id: int) -> float:
    table = tables.heads
    newest = select(func.max(table.c.created_at)).where(table.c.project_id == project_id)
    return float(connection.execute(newest).scalar_one() or 0.0)


def _newest_first(project_id: int) -> Select[Any]:
    table = tables.heads
    return select(*_COLUMNS).where(table.c.project_id == project_id).order_by(table.c.created_at.desc())
