"""Evaluations of heads: the whole of a project's newest one, and of older ones the figures that a history needs."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, insert, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.learning_records import EvaluationRecord

EVALUATIONS_LISTED = 1000

_COLUMNS = [tables.evaluations.c[field.name] for field in fields(EvaluationRecord)]
_WITHOUT_BODY = [column for column in _COLUMNS if column.name != "body"]


class EvaluationRows:
    """Reads and writes evaluations of heads."""

    _database: Database

    def put_evaluation(self, evaluation: EvaluationRecord) -> None:
        """Store the evaluation of a head; an earlier one of the same head is replaced.

        Only the newest head of those evaluated keeps its body. Nothing is stored for a head that was deleted meanwhile.
        """
        table, project_id = tables.evaluations, evaluation.project_id
        of_project = table.c.project_id == project_id
        with self._database.writing() as connection:
            if not _is_kept(connection, evaluation):
                return
            connection.execute(delete(table).where(of_project, table.c.head_version == evaluation.head_version))
            newest = connection.execute(select(func.max(table.c.at)).where(of_project)).scalar_one()
            if newest is not None and newest > evaluation.at:
                evaluation = replace(evaluation, body=None)
            else:
                connection.execute(update(table).where(of_project, table.c.body.is_not(None)).values(body=None))
            connection.execute(insert(table).values(**vars(evaluation)))

    def newest_evaluation(self, project_id: int) -> EvaluationRecord | None:
        """The evaluation of the newest head that has one, with its body; None before the first."""
        newest = self._evaluations(select(*_COLUMNS).where(_is_newest(project_id)))
        return newest[0] if newest else None

    def evaluation_history(self, project_id: int, limit: int = EVALUATIONS_LISTED) -> list[EvaluationRecord]:
        """The evaluations of the last heads, oldest head first, without their bodies."""
        table = tables.evaluations
        query = select(*_WITHOUT_BODY).where(table.c.project_id == project_id).order_by(table.c.at.desc()).limit(limit)
        return self._evaluations(query)[::-1]

    def newest_evaluations(self) -> dict[int, EvaluationRecord]:
        """Project → its newest evaluation, without the body, by one query."""
        query = select(*_WITHOUT_BODY).where(tables.evaluations.c.body.is_not(None))
        return {evaluation.project_id: evaluation for evaluation in self._evaluations(query)}

    def unevaluated_head(self, project_id: int) -> str | None:
        """The version of the newest head if it has labels and no evaluation; None otherwise."""
        heads, table = tables.heads, tables.evaluations
        newest = (
            select(heads.c.version, heads.c.n_labels)
            .where(heads.c.project_id == project_id)
            .order_by(heads.c.created_at.desc())
            .limit(1)
            .subquery()
        )
        evaluated = exists().where(table.c.project_id == project_id, table.c.head_version == newest.c.version)
        query = select(newest.c.version).where(newest.c.n_labels > 0, ~evaluated)
        with self._database.reading() as connection:
            version: str | None = connection.execute(query).scalar_one_or_none()
        return version

    def _evaluations(self, query: Select[Any]) -> list[EvaluationRecord]:
        with self._database.reading() as connection:
            return [EvaluationRecord(**row._mapping) for row in connection.execute(query)]


def drop_newest_evaluation(connection: Connection, project_id: int) -> None:
    """Keep only the history of a project whose heads are deleted, within a transaction."""
    connection.execute(update(tables.evaluations).where(_is_newest(project_id)).values(body=None))


def _is_newest(project_id: int) -> ColumnElement[bool]:
    table = tables.evaluations
    return (table.c.project_id == project_id) & table.c.body.is_not(None)


def _is_kept(connection: Connection, evaluation: EvaluationRecord) -> bool:
    heads = tables.heads
    of_head = (heads.c.project_id == evaluation.project_id) & (heads.c.version == evaluation.head_version)
    return connection.execute(select(heads.c.version).where(of_head)).first() is not None
