"""Tasks, their texts and their annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from ml_backend.annotation import Annotation
from ml_backend.store import tables
from ml_backend.store.changes import record_changes
from ml_backend.store.database import Database, slices
from ml_backend.store.records import TaskRecord
from ml_backend.store.selection import selected_rows
from ml_backend.store.unused_texts import delete_unused_texts

ANNOTATION_COLUMNS = [field.name for field in fields(Annotation) if field.name != "problem"]
PROBLEM = "problem"
"""Key of the problem in the column `result` of an annotation that cannot be read; otherwise the column holds a list."""


class TaskRows:
    """Reads and writes tasks, texts and annotations."""

    _database: Database

    def upsert_tasks(
        self,
        project_id: int,
        records: Sequence[TaskRecord],
        texts: Mapping[str, str],
        annotations: Mapping[int, Sequence[Annotation]] | None = None,
    ) -> None:
        """Insert or update tasks and replace their annotations, in one transaction.

        texts: text hash → text, of the tasks' texts. Texts that no task has any more are deleted. annotations: see
        `replace_annotations`; None leaves them as they are.
        """
        table = tables.tasks
        with self._database.writing() as connection:
            before = _contents(connection, project_id, [record.task_id for record in records])
            for text_slice in slices([{"text_hash": h, "text": t} for h, t in texts.items()]):
                connection.execute(self._database.upsert(tables.texts).on_conflict_do_nothing(), text_slice)
            statement = self._database.upsert(table)
            statement = statement.on_conflict_do_update(
                index_elements=[table.c.project_id, table.c.task_id],
                set_={name: statement.excluded[name] for name in ("text_hash", "problem", "updated_at")},
            )
            for record_slice in slices([vars(record) for record in records]):
                connection.execute(statement, record_slice)
            changed = [r for r in records if before.get(r.task_id) != (r.text_hash, r.problem)]
            record_changes(self._database, connection, project_id, [record.task_id for record in changed])
            replaced = {text_hash for text_hash, _ in before.values() if text_hash is not None}
            delete_unused_texts(connection, sorted(replaced - {record.text_hash for record in records}))
            if annotations is not None:
                self._replace_annotations(connection, project_id, annotations)

    def remove_tasks(self, project_id: int, task_ids: Iterable[int]) -> None:
        """Delete tasks and their annotations, and texts and vectors that no other task uses."""
        with self._database.writing() as connection:
            for chunk in slices(removed := list(task_ids)):
                contents = _contents(connection, project_id, chunk)
                for table in (tables.tasks, tables.annotation_table):
                    connection.execute(
                        delete(table).where(table.c.project_id == project_id, table.c.task_id.in_(chunk))
                    )
                delete_unused_texts(connection, sorted(h for h, _ in contents.values() if h is not None))
            record_changes(self._database, connection, project_id, removed)

    def tasks(self, project_id: int, task_ids: Iterable[int] | None = None) -> list[tuple[int, str | None, str | None]]:
        """(task id, text hash, problem) of all tasks, or of existing ones among `task_ids`, ordered by id."""
        table = tables.tasks
        query = select(table.c.task_id, table.c.text_hash, table.c.problem).where(table.c.project_id == project_id)
        with self._database.reading() as connection:
            rows = selected_rows(connection, query.order_by(table.c.task_id), table.c.task_id, task_ids)
            return [(row[0], row[1], row[2]) for row in rows]

    def texts_of_tasks(self, project_id: int, task_ids: Iterable[int]) -> dict[int, str]:
        """Task id → text, of those of the tasks that have a usable text, in the order of `task_ids`."""
        table, texts = tables.tasks, tables.texts
        wanted = list(dict.fromkeys(task_ids))
        query = select(table.c.task_id, texts.c.text).join(texts, texts.c.text_hash == table.c.text_hash)
        query = query.where(table.c.project_id == project_id, table.c.problem.is_(None))
        with self._database.reading() as connection:
            found = {row[0]: row[1] for row in selected_rows(connection, query, table.c.task_id, wanted)}
        return {task_id: found[task_id] for task_id in wanted if task_id in found}

    def task_updates(self, project_id: int, task_ids: Iterable[int]) -> dict[int, str | None]:
        """Task id → Label Studio's `updated_at` when the task was read; tasks that do not exist are left out."""
        table = tables.tasks
        query = select(table.c.task_id, table.c.updated_at).where(table.c.project_id == project_id)
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in selected_rows(connection, query, table.c.task_id, task_ids)}

    def task_ids(self, project_id: int) -> set[int]:
        """Ids of all tasks."""
        query = select(tables.tasks.c.task_id).where(tables.tasks.c.project_id == project_id)
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def task_count(self, project_id: int) -> int:
        """Number of tasks, with and without problems."""
        return self._count(tables.tasks.c.project_id == project_id, tables.tasks)

    def problems(self, project_id: int, limit: int = 100) -> list[tuple[int, str]]:
        """(task id, problem) of tasks that are not in the pool, ordered by id."""
        table = tables.tasks
        query = (
            select(table.c.task_id, table.c.problem)
            .where(table.c.project_id == project_id, table.c.problem.is_not(None))
            .order_by(table.c.task_id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [(row[0], row[1]) for row in connection.execute(query)]

    def problem_counts(self, project_id: int) -> dict[str, int]:
        """Problem → number of tasks that are not in the pool because of it."""
        table = tables.tasks
        query = (
            select(table.c.problem, func.count())
            .where(table.c.project_id == project_id, table.c.problem.is_not(None))
            .group_by(table.c.problem)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def replace_annotations(self, project_id: int, by_task: Mapping[int, Sequence[Annotation]]) -> None:
        """Replace the annotations of these tasks; task id → all its annotations.

        An annotation that the database has under another task moves to the new one.
        """
        with self._database.writing() as connection:
            self._replace_annotations(connection, project_id, by_task)

    def _replace_annotations(
        self, connection: Connection, project_id: int, by_task: Mapping[int, Sequence[Annotation]]
    ) -> None:
        table = tables.annotation_table
        before = _annotations(connection, project_id, by_task)
        changed = [i for i, records in by_task.items() if before.get(i, []) != sorted(records, key=_annotation_id)]
        new = {a.annotation_id: a for task_id in changed for a in by_task[task_id]}
        of_project = table.c.project_id == project_id
        moved = _task_of_annotations(connection, project_id, sorted(new)).values()
        record_changes(self._database, connection, project_id, [*changed, *moved])
        for chunk in slices(changed):
            connection.execute(delete(table).where(of_project, table.c.task_id.in_(chunk)))
        for chunk in slices(sorted(new)):
            connection.execute(delete(table).where(of_project, table.c.annotation_id.in_(chunk)))
        for annotation_slice in slices([_annotation_row(project_id, a) for a in new.values()]):
            connection.execute(insert(table), annotation_slice)

    def annotations(self, project_id: int, task_ids: Iterable[int] | None = None) -> list[Annotation]:
        """All submitted and skipped annotations, or those of `task_ids`, ordered by id."""
        with self._database.reading() as connection:
            by_task = _annotations(connection, project_id, task_ids)
        return sorted((a for of_task in by_task.values() for a in of_task), key=_annotation_id)

    def annotated_tasks(self, project_id: int) -> set[int]:
        """Ids of tasks with a submitted or skipped annotation."""
        table = tables.annotation_table
        query = select(table.c.task_id).where(table.c.project_id == project_id).distinct()
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def task_annotators(self, project_id: int) -> list[tuple[int, int]]:
        """(task id, id of an annotator who submitted it), each once, ordered by task."""
        table = tables.annotation_table
        query = select(table.c.task_id, table.c.annotator).where(
            table.c.project_id == project_id, ~table.c.cancelled, table.c.annotator.is_not(None)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.distinct().order_by(table.c.task_id, table.c.annotator))
            return [(row[0], row[1]) for row in rows]

    def answered_among(self, project_id: int, task_ids: Iterable[int]) -> set[int]:
        """Those of the tasks that have a submitted or skipped annotation."""
        table = tables.annotation_table
        query = select(table.c.task_id).where(table.c.project_id == project_id)
        with self._database.reading() as connection:
            return {row[0] for row in selected_rows(connection, query, table.c.task_id, task_ids)}

    def task_of_annotations(self, project_id: int, annotation_ids: Sequence[int]) -> dict[int, int]:
        """Annotation id → task id; annotations that the database does not have are left out."""
        with self._database.reading() as connection:
            return _task_of_annotations(connection, project_id, annotation_ids)

    def annotation_counts(self, project_id: int) -> tuple[int, int]:
        """Numbers of submitted and of skipped annotations."""
        table = tables.annotation_table
        of_project = table.c.project_id == project_id
        return (
            self._count(of_project & ~table.c.cancelled, table),
            self._count(of_project & table.c.cancelled, table),
        )

    def _count(self, condition: Any, table: Any) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one())


def _annotation_id(annotation: Annotation) -> int:
    return annotation.annotation_id


def _contents(
    connection: Connection, project_id: int, task_ids: Iterable[int]
) -> dict[int, tuple[str | None, str | None]]:
    """Task id → (text hash, problem)."""
    table = tables.tasks
    query = select(table.c.task_id, table.c.text_hash, table.c.problem).where(table.c.project_id == project_id)
    return {row[0]: (row[1], row[2]) for row in selected_rows(connection, query, table.c.task_id, task_ids)}


def _task_of_annotations(connection: Connection, project_id: int, annotation_ids: Sequence[int]) -> dict[int, int]:
    table = tables.annotation_table
    query = select(table.c.annotation_id, table.c.task_id).where(table.c.project_id == project_id)
    return {row[0]: row[1] for row in selected_rows(connection, query, table.c.annotation_id, annotation_ids)}


def _annotation_row(project_id: int, annotation: Annotation) -> dict[str, Any]:
    """The row of an annotation; instead of the result of one that cannot be read it holds the problem."""
    row = {"project_id": project_id, **vars(annotation)}
    problem = row.pop("problem")
    return row if problem is None else {**row, "result": {PROBLEM: problem}}


def _annotation(row: Row[Any]) -> Annotation:
    fields = dict(row._mapping)
    result = fields.pop("result")
    if isinstance(result, list):
        return Annotation(**fields, result=result)
    problem = result.get(PROBLEM) if isinstance(result, dict) else None
    return Annotation(**fields, result=[], problem=str(problem or "the annotation's result is not a list of results"))


def _annotations(
    connection: Connection, project_id: int, task_ids: Iterable[int] | None
) -> dict[int, list[Annotation]]:
    """Task id → its annotations, ordered by id."""
    table = tables.annotation_table
    query = select(*(table.c[name] for name in ANNOTATION_COLUMNS))
    query = query.where(table.c.project_id == project_id).order_by(table.c.annotation_id)
    by_task: dict[int, list[Annotation]] = {}
    for row in selected_rows(connection, query, table.c.task_id, task_ids):
        by_task.setdefault(row.task_id, []).append(_annotation(row))
    return by_task
