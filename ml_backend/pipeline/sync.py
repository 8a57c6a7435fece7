"""Bring the store level with Label Studio, which is the truth.

Events say which tasks to look at again; what a task is and which labels it has is always read from
Label Studio, so a doubled, late or reordered webhook changes nothing. What no event told is found
by the newest `updated_at` and by counting.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ml_backend.labelstudio.client import LabelStudio, ProjectInfo
from ml_backend.labelstudio.events import affected_tasks
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.remote_task import RemoteTask
from ml_backend.labelstudio.texts import BadTask, task_text, text_hash
from ml_backend.store import Store
from ml_backend.store.records import AnnotationRecord, EventRecord, TaskRecord

logger = logging.getLogger(__name__)

PAGE = 1000
KEPT_AT_ONCE = 200
STUCK = 2
MANY = 5000
"""More tasks than this that no event and no time told of are found quicker by reading all."""
ONE_BY_ONE = 200
"""More changed tasks than this are read page by page, newest first, instead of by their ids."""


@dataclass
class SyncReport:
    """What one synchronisation did."""

    tasks_read: int = 0
    tasks_removed: int = 0
    complete: bool = True
    train: bool = False
    project_deleted: bool = False
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Synchronizer:
    """One project's synchronisation; `say` reports progress to people, `deadline` bounds the first read."""

    store: Store
    client: LabelStudio
    config: LabelConfig
    info: ProjectInfo
    say: Callable[[str], None]

    def from_events(self, events: list[EventRecord], report: SyncReport) -> bool:
        """Read again the tasks that events name; True when so much changed that everything has to be compared."""
        task_ids: set[int] = set()
        annotation_ids: set[int] = set()
        everything = False
        for event in events:
            affected = affected_tasks(event.action, event.body)
            task_ids |= affected.task_ids
            annotation_ids |= affected.annotation_ids
            everything |= affected.everything
            report.train |= affected.train
            report.project_deleted |= affected.project_deleted
        known = self.store.task_of_annotations(self.info.id, sorted(annotation_ids))
        task_ids |= set(known.values())
        everything |= len(known) < len(annotation_ids - set(known))
        if len(task_ids) > ONE_BY_ONE:
            return True
        self._read_again(task_ids, report)
        return everything

    def first_read(self, page: int, deadline: float, report: SyncReport) -> int:
        """Read all tasks page by page from `page` on until done or `deadline`; answers the next page, 0 when done."""
        while True:
            tasks = self.client.tasks_page(self.info.id, page, PAGE)
            self._keep(tasks, report)
            self.say(f"reading tasks: {min(page * PAGE, self.info.task_number):,} of {self.info.task_number:,}")
            if len(tasks) < PAGE:
                return 0
            page += 1
            if time.monotonic() > deadline:
                report.complete = False
                return page

    def reconcile(self, watermark: str | None, report: SyncReport) -> str | None:
        """Find what no event told: changed tasks by their time, then deletions by counting; the new watermark."""
        newest = self.client.newest_update(self.info.id)
        if newest != watermark:
            self._read_changed(watermark, report)
        if self.store.task_count(self.info.id) != self.info.task_number:
            gone = self.store.task_ids(self.info.id) - (there := self.client.task_ids(self.info.id))
            self._remove(gone, report)
            new = there - self.store.task_ids(self.info.id)
            if len(new) > MANY:
                self._read_changed(None, report)
            else:
                self._read_again(new, report)
        if self._unmatched():
            self._read_annotated(report)
            self._read_all_when_stuck(report)
        return newest

    def _unmatched(self) -> list[int]:
        """Annotations submitted and skipped, ours and then Label Studio's, where they differ."""
        ours = self.store.annotation_counts(self.info.id)
        theirs = (self.info.total_annotations, self.info.skipped_annotations)
        return [] if ours == theirs else [*ours, *theirs]

    def _read_all_when_stuck(self, report: SyncReport) -> None:
        """Read every task, once, when the counts differ in the same way a second time."""
        unmatched = self._unmatched()
        project = self.store.project(self.info.id)
        before, times = (project.meta if project else {}).get("unmatched") or ([], 0)
        times = times + 1 if unmatched == before else 1
        self.store.merge_meta(self.info.id, unmatched=[unmatched, times] if unmatched else None)
        if unmatched and times == STUCK:
            logger.warning("project %s: annotations are missing here; reading every task", self.info.id)
            self._read_changed(None, report)

    def _read_changed(self, watermark: str | None, report: SyncReport) -> None:
        page = 1
        while True:
            tasks = self.client.tasks_page(self.info.id, page, PAGE, updated_after=watermark)
            self._keep(tasks, report)
            if len(tasks) < PAGE:
                return
            self.say(f"reading changed tasks: {report.tasks_read:,}")
            page += 1

    def _read_annotated(self, report: SyncReport) -> None:
        seen: set[int] = set()
        page = 1
        while True:
            tasks = self.client.tasks_page(self.info.id, page, PAGE, annotated_only=True)
            self._keep(tasks, report)
            seen |= {task.id for task in tasks}
            if len(tasks) < PAGE:
                break
            page += 1
        # Label Studio lists them by counters of its own, which an import can leave at 0: only the task tells.
        self._read_again(self.store.annotated_tasks(self.info.id) - seen, report)

    def _read_again(self, task_ids: Iterable[int], report: SyncReport) -> None:
        wanted = set(task_ids)
        if not wanted:
            return
        found = self.client.tasks_by_id(self.info.id, sorted(wanted))
        self._keep(found, report)
        self._remove(wanted - {task.id for task in found}, report)

    def _remove(self, task_ids: set[int], report: SyncReport) -> None:
        if task_ids:
            self.store.remove_tasks(self.info.id, sorted(task_ids))
            report.tasks_removed += len(task_ids)

    def _keep(self, tasks: list[RemoteTask], report: SyncReport) -> None:
        # Small transactions: on SQLite a webhook waits for the one that is being written.
        for start in range(0, len(tasks), KEPT_AT_ONCE):
            self._keep_some(tasks[start : start + KEPT_AT_ONCE])
        report.tasks_read += len(tasks)

    def _keep_some(self, tasks: list[RemoteTask]) -> None:
        records, texts = [], {}
        for task in tasks:
            record, text = task_record(self.info.id, task, self.config)
            records.append(record)
            if record.text_hash is not None and text is not None:
                texts[record.text_hash] = text
        self.store.upsert_tasks(self.info.id, records, texts)
        self.store.replace_annotations(
            self.info.id,
            {
                task.id: [AnnotationRecord(project_id=self.info.id, **vars(a)) for a in task.annotations]
                for task in tasks
            },
        )


def task_record(project_id: int, task: RemoteTask, config: LabelConfig) -> tuple[TaskRecord, str | None]:
    """The task as it is kept, and its text; a task without a usable text is kept with the reason."""
    try:
        text = task_text(task.data, config)
    except BadTask as problem:
        return TaskRecord(project_id, task.id, None, str(problem), task.updated_at), None
    return TaskRecord(project_id, task.id, text_hash(text), None, task.updated_at), text
