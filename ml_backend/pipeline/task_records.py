"""Store tasks of Label Studio with their texts and annotations; what cannot be used becomes a problem of its task."""

from __future__ import annotations

from collections.abc import Sequence

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.tasks import RemoteTask
from ml_backend.labelstudio.texts import BadTask, task_text, text_hash
from ml_backend.labelstudio.unforeseen import unforeseen
from ml_backend.store import Store
from ml_backend.store.failures import NOT_THE_DATA
from ml_backend.store.records import TaskRecord

TASKS_PER_TRANSACTION = 200
"""Transactions are small, since on SQLite a webhook waits until the current one ends."""


def store_tasks(store: Store, project_id: int, tasks: Sequence[RemoteTask], config: LabelConfig) -> None:
    """Insert or update tasks and replace their annotations. config: determines the text of a task."""
    for start in range(0, len(tasks), TASKS_PER_TRANSACTION):
        _store_each_or_all(store, project_id, tasks[start : start + TASKS_PER_TRANSACTION], config)


def _store_each_or_all(store: Store, project_id: int, tasks: Sequence[RemoteTask], config: LabelConfig) -> None:
    """Store tasks; if the database refuses what one of them holds, that one becomes a task with a problem."""
    try:
        _store(store, project_id, tasks, config)
    except NOT_THE_DATA:
        raise  # the database cannot be used, whatever the tasks hold
    except Exception as error:
        if len(tasks) == 1:
            _store_without_contents(store, project_id, tasks[0], error)
            return
        middle = len(tasks) // 2
        _store_each_or_all(store, project_id, tasks[:middle], config)
        _store_each_or_all(store, project_id, tasks[middle:], config)


def _store(store: Store, project_id: int, tasks: Sequence[RemoteTask], config: LabelConfig) -> None:
    records, texts = [], {}
    for task in tasks:
        record, text = task_record(project_id, task, config)
        records.append(record)
        if record.text_hash is not None and text is not None:
            texts[record.text_hash] = text
    store.upsert_tasks(project_id, records, texts, {task.id: task.annotations for task in tasks})


def _store_without_contents(store: Store, project_id: int, task: RemoteTask, error: Exception) -> None:
    problem = unforeseen(error, "storing the task", f"task {task.id} of project {project_id}")
    store.upsert_tasks(project_id, [TaskRecord(project_id, task.id, None, problem, task.updated_at)], {}, {task.id: []})


def task_record(project_id: int, task: RemoteTask, config: LabelConfig) -> tuple[TaskRecord, str | None]:
    """The record of a task, and its text; without a usable text the record holds the reason, and the text is None."""
    problem = task.problem
    try:
        if problem is None:
            text = task_text(task.data, config)
            return TaskRecord(project_id, task.id, text_hash(text), None, task.updated_at), text
    except BadTask as bad:
        problem = str(bad)
    except Exception as error:
        problem = unforeseen(error, "reading the text", f"task {task.id} of project {project_id}")
    return TaskRecord(project_id, task.id, None, problem, task.updated_at), None
