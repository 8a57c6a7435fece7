"""The fake's database: everything in dictionaries by id, behind one lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from fake_label_studio.problems import Refused
from fake_label_studio.records import Annotation, Backend, Prediction, Project, Task, User, View, Webhook


class Tables:
    """All rows. Hold `lock` to write or to read several; calls to backends and webhooks are made without it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users: dict[int, User] = {}
        self.projects: dict[int, Project] = {}
        self.tasks: dict[int, Task] = {}
        self.annotations: dict[int, Annotation] = {}
        self.predictions: dict[int, Prediction] = {}
        self.drafts: dict[int, dict[str, Any]] = {}
        self.backends: dict[int, Backend] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.views: dict[int, View] = {}
        self._last_id = 0
        self._last_moment = datetime.now(UTC)

    def new_id(self) -> int:
        """A new id, larger than all before."""
        with self.lock:
            self._last_id += 1
            return self._last_id

    def now(self) -> str:
        """A time later than every one before, to the microsecond, as Label Studio writes it."""
        with self.lock:
            self._last_moment = max(datetime.now(UTC), self._last_moment + timedelta(microseconds=1))
            return self._last_moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def project(self, project_id: int, user: User) -> Project:
        """A project that the user may see. Raises Refused with 404."""
        project = self.projects.get(project_id)
        if project is None or project.organization != user.organization:
            raise Refused(404, "No Project matches the given query.")
        return project

    def task(self, task_id: int, user: User) -> Task:
        """A task of a project that the user may see. Raises Refused with 404."""
        task = self.tasks.get(task_id)
        if task is None or self.projects[task.project].organization != user.organization:
            raise Refused(404, "No Task matches the given query.")
        return task

    def tasks_of(self, project_id: int) -> list[Task]:
        """Tasks of a project in the order of their ids."""
        return [task for _, task in sorted(self.tasks.items()) if task.project == project_id]

    def annotations_of(self, task_id: int) -> list[Annotation]:
        """Annotations and skips of a task, oldest first."""
        return [a for a in self.annotations.values() if a.task == task_id]

    def predictions_of(self, task_id: int) -> list[Prediction]:
        """Predictions of a task, oldest first."""
        return [p for p in self.predictions.values() if p.task == task_id]

    def backends_of(self, project_id: int) -> list[Backend]:
        """ML backends of a project."""
        return [b for b in self.backends.values() if b.project == project_id]

    def touch(self, task_id: int) -> None:
        """Note that the task changed."""
        self.tasks[task_id].updated_at = self.now()

    def is_labeled(self, task: Task) -> bool:
        """Whether the task has as many annotations as it asks for, or was marked so; skips do not count."""
        if task.marked is not None:
            return task.marked
        submitted = sum(not a.was_cancelled for a in self.annotations_of(task.id))
        return submitted >= task.overlap

    def is_locked_for(self, task: Task, user: User) -> bool:
        """Whether annotations, and locks of others, are as many as the annotations that the task asks for."""
        held = sum(end > time.time() for holder, end in task.locks.items() if holder != user.id)
        done = sum(not (a.was_cancelled and a.completed_by != user.id) for a in self.annotations_of(task.id))
        return held + done >= task.overlap

    def remove_annotation(self, annotation: Annotation) -> None:
        """Delete an annotation and update the counters of its task."""
        self.annotations.pop(annotation.id, None)
        task = self.tasks.get(annotation.task)
        if task is not None:
            task.marked = None
            self.count(task)
            self.touch(task.id)

    def count(self, task: Task) -> None:
        """Set the task's counters to the numbers of its annotations and skips."""
        skips = [a.was_cancelled for a in self.annotations_of(task.id)]
        task.total_annotations, task.cancelled_annotations = skips.count(False), skips.count(True)

    def remove_task(self, task_id: int) -> None:
        """Delete a task with its annotations, predictions and drafts."""
        self.tasks.pop(task_id, None)
        for table in (self.annotations, self.predictions):
            for row in [row for row in table.values() if row.task == task_id]:
                table.pop(row.id)
        for draft_id in [i for i, draft in self.drafts.items() if draft["task"] == task_id]:
            self.drafts.pop(draft_id)

    def remove_project(self, project_id: int) -> None:
        """Delete a project with its tasks, backends and webhooks."""
        self.projects.pop(project_id)
        for task in self.tasks_of(project_id):
            self.remove_task(task.id)
        for table in (self.backends, self.webhooks):
            for row in [row for row in table.values() if row.project == project_id]:
                table.pop(row.id)

    def save_project(self, project_id: int) -> Callable[[], None]:
        """Copy a project with its rows in the other tables, except drafts; the returned function restores the copy."""
        tables: list[dict[int, Any]] = [self.tasks, self.annotations, self.predictions, self.backends, self.webhooks]

        def rows_of_project(table: dict[int, Any]) -> dict[int, Any]:
            return {row_id: row for row_id, row in table.items() if row.project == project_id}

        with self.lock:
            saved_project = deepcopy(self.projects[project_id])
            saved_rows = [deepcopy(rows_of_project(table)) for table in tables]

        def restore() -> None:
            with self.lock:
                self.projects[project_id] = deepcopy(saved_project)
                for table, rows in zip(tables, saved_rows, strict=True):
                    for row_id in rows_of_project(table):
                        table.pop(row_id)
                    table.update(deepcopy(rows))

        return restore
