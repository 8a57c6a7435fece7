"""Update the database from Label Studio, which is the source of truth.

Events tell which tasks to read again. Texts and labels are always read from Label Studio, so duplicate, late and
reordered webhooks do no harm. `Synchronizer.reconcile` finds changes that no webhook reported: it compares the newest
`updated_at` and the numbers of tasks and annotations.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from ml_backend.labelstudio.client import TASKS_PER_PAGE, LabelStudio, ProjectInfo
from ml_backend.labelstudio.events import affected_tasks
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.tasks import RemoteTask
from ml_backend.labelstudio.texts import BadTask, task_text, text_hash
from ml_backend.labelstudio.unforeseen import unforeseen
from ml_backend.pipeline.context import RunContext
from ml_backend.store import Store
from ml_backend.store.records import EventRecord, FirstRead, TaskRecord, Unmatched
from ml_backend.store.states import RunReason

logger = logging.getLogger(__name__)

TASKS_PER_TRANSACTION = 200
MISMATCHES_BEFORE_FULL_READ = 2
MAX_NEW_BY_ID = 5000
"""If more tasks than this are new, reading every task is faster."""
MAX_CHANGED_BY_ID = 200
"""More changed tasks than this are read page by page instead of by their ids."""
FIRST_READ_SECONDS = 10.0
"""How long a run reads before it publishes from the tasks read so far, so that labelling can start early."""


def synchronize(run: RunContext) -> SyncReport:
    """Update the database from Label Studio, and delete the events that were processed.

    Raises LabelStudioError; the events are then kept.
    """
    report = SyncReport()
    synchronizer = Synchronizer(run.store, run.client, run.config, run.info, run.report_phase)
    watermark, first_read = run.project.watermark, run.project.first_read
    text_source = run.config.text_source
    if run.project.text_source not in (None, text_source):
        # The texts now come from other fields or another tag, so every task has to be read again.
        watermark, first_read = None, None
    if watermark is None:
        first_read = first_read or FirstRead(1, run.client.newest_update(run.id))
        run.store.update_project(run.id, watermark=None, first_read=first_read, text_source=text_source)
        # The first batch is chosen from a few hundred texts, so one page is enough for it.
        seconds = FIRST_READ_SECONDS if first_read.next_page > 1 else 0.0
        if synchronizer.first_read(first_read, time.monotonic() + seconds, report):
            run.store.update_project(run.id, watermark=first_read.newest, first_read=None)
    else:
        needs_comparison = synchronizer.read_events(run.events, report)
        if needs_comparison or set(run.reasons) - {RunReason.LABELS}:
            watermark = synchronizer.reconcile(watermark, report)
        run.store.update_project(run.id, watermark=watermark)
    if run.events:
        run.store.drop_events(run.id, run.events[-1].id)
    run.end_step("sync")
    return report


@dataclass
class SyncReport:
    """The result of one synchronisation.

    complete: no task is left to read; train: somebody pressed Start Training.
    """

    tasks_read: int = 0
    complete: bool = True
    train: bool = False


@dataclass(frozen=True)
class Synchronizer:
    """Synchronises one project.

    config: determines the text of a task; report_phase: called with a sentence about the progress. Methods that read
    from Label Studio raise LabelStudioError.
    """

    store: Store
    client: LabelStudio
    config: LabelConfig
    info: ProjectInfo
    report_phase: Callable[[str], None]

    def read_events(self, events: Sequence[EventRecord], report: SyncReport) -> bool:
        """Read again the tasks that the events name.

        Returns True if a reconciliation is needed: the events do not name every changed task, or they name so many that
        a reconciliation is faster.
        """
        task_ids: set[int] = set()
        annotation_ids: set[int] = set()
        compare_all = False
        for event in events:
            affected = affected_tasks(event.action, event.body)
            task_ids |= affected.task_ids
            annotation_ids |= affected.annotation_ids
            compare_all |= affected.everything
            report.train |= affected.train
        task_of_annotation = self.store.task_of_annotations(self.info.id, sorted(annotation_ids))
        task_ids |= set(task_of_annotation.values())
        # Of a deleted annotation that the store does not have, only a comparison can find the task.
        compare_all |= not annotation_ids <= task_of_annotation.keys()
        if len(task_ids) > MAX_CHANGED_BY_ID:
            return True
        self._read_by_id(task_ids, report)
        return compare_all

    def first_read(self, start: FirstRead, deadline: float, report: SyncReport) -> bool:
        """Read all tasks page by page until the last page or until `deadline`, in seconds of time.monotonic().

        start: where to begin. Where to continue is stored after every page, so a crash loses at most one. Returns
        whether all are read.
        """
        for page in self.client.task_pages(self.info.id, start_page=start.next_page):
            self._store_tasks(page.tasks, report)
            self.store.update_project(self.info.id, first_read=FirstRead(page.number + 1, start.newest))
            tasks_so_far = min(page.number * TASKS_PER_PAGE, self.info.task_number)
            self.report_phase(f"reading tasks: {tasks_so_far:,} of {self.info.task_number:,}")
            if not page.is_last and time.monotonic() > deadline:
                report.complete = False
                return False
        return True

    def reconcile(self, watermark: str | None, report: SyncReport) -> str | None:
        """Find changes that no webhook reported: changed tasks by `updated_at`, deletions by comparing counts.

        watermark: newest `updated_at` read so far (ISO 8601), None if nothing was read. Returns the new one.
        """
        newest = self.client.newest_update(self.info.id)
        if newest != watermark:
            self._read_changed(watermark, report)
        if self.store.task_count(self.info.id) != self.info.task_number:
            remote_ids = self.client.task_ids(self.info.id)
            self._remove(self.store.task_ids(self.info.id) - remote_ids)
            new = remote_ids - self.store.task_ids(self.info.id)
            if len(new) > MAX_NEW_BY_ID:
                self._read_changed(None, report)
            else:
                self._read_by_id(new, report)
        if self._count_mismatch():
            self._read_annotated(report)
            self._read_all_on_repeated_mismatch(report)
        return newest

    def _count_mismatch(self) -> list[int]:
        """Submitted and skipped annotations in the database, then those in Label Studio; [] if they are equal."""
        stored = self.store.annotation_counts(self.info.id)
        remote = (self.info.total_annotations, self.info.skipped_annotations)
        return [] if stored == remote else [*stored, *remote]

    def _read_all_on_repeated_mismatch(self, report: SyncReport) -> None:
        """Read every task, once, if the counts differ in the same way for the second time."""
        unmatched = self._count_mismatch()
        project = self.store.project(self.info.id)
        previous = project.unmatched if project else None
        times = previous.times + 1 if previous is not None and previous.counts == unmatched else 1
        self.store.update_project(self.info.id, unmatched=Unmatched(unmatched, times) if unmatched else None)
        if unmatched and times == MISMATCHES_BEFORE_FULL_READ:
            logger.warning("project %s: annotations are missing here; reading every task", self.info.id)
            self._read_changed(None, report)

    def _read_changed(self, watermark: str | None, report: SyncReport) -> None:
        for page in self.client.task_pages(self.info.id, updated_after=watermark):
            self._store_tasks(page.tasks, report)
            if not page.is_last:
                self.report_phase(f"reading changed tasks: {report.tasks_read:,}")

    def _read_annotated(self, report: SyncReport) -> None:
        read_ids: set[int] = set()
        for page in self.client.task_pages(self.info.id, annotated_only=True):
            self._store_tasks(page.tasks, report)
            read_ids |= {task.id for task in page.tasks}
        # Label Studio lists tasks by its counters, which can stay at 0 after an import, so read the tasks themselves.
        self._read_by_id(self.store.annotated_tasks(self.info.id) - read_ids, report)

    def _read_by_id(self, task_ids: Iterable[int], report: SyncReport) -> None:
        """Read these tasks, and delete from the database those that Label Studio does not have."""
        ids = set(task_ids)
        if not ids:
            return
        tasks = self.client.tasks_by_id(self.info.id, sorted(ids))
        self._store_tasks(tasks, report)
        self._remove(ids - {task.id for task in tasks})

    def _remove(self, task_ids: set[int]) -> None:
        if task_ids:
            self.store.remove_tasks(self.info.id, sorted(task_ids))

    def _store_tasks(self, tasks: list[RemoteTask], report: SyncReport) -> None:
        # Transactions are small, since on SQLite a webhook waits until the current one ends.
        for start in range(0, len(tasks), TASKS_PER_TRANSACTION):
            self._store_each_or_list(tasks[start : start + TASKS_PER_TRANSACTION])
        report.tasks_read += len(tasks)

    def _store_each_or_list(self, tasks: list[RemoteTask]) -> None:
        """Store tasks; if the database refuses what one of them holds, that one becomes a task with a problem."""
        try:
            self._store(tasks)
        except OperationalError:
            raise  # the database cannot be used, whatever the tasks hold
        except Exception as error:
            if len(tasks) == 1:
                self._store_without_contents(tasks[0], error)
                return
            middle = len(tasks) // 2
            self._store_each_or_list(tasks[:middle])
            self._store_each_or_list(tasks[middle:])

    def _store(self, tasks: list[RemoteTask]) -> None:
        records, texts = [], {}
        for task in tasks:
            record, text = task_record(self.info.id, task, self.config)
            records.append(record)
            if record.text_hash is not None and text is not None:
                texts[record.text_hash] = text
        self.store.upsert_tasks(self.info.id, records, texts)
        self.store.replace_annotations(self.info.id, {task.id: task.annotations for task in tasks})

    def _store_without_contents(self, task: RemoteTask, error: Exception) -> None:
        problem = unforeseen(error, "storing the task", f"task {task.id} of project {self.info.id}")
        self.store.upsert_tasks(self.info.id, [TaskRecord(self.info.id, task.id, None, problem, task.updated_at)], {})
        self.store.replace_annotations(self.info.id, {task.id: []})


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
