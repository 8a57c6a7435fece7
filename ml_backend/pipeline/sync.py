"""Update the database from Label Studio, which is the source of truth.

Events tell which tasks to read again. Texts and labels are always read from Label Studio, so duplicate, late and
reordered webhooks do no harm. `Synchronizer.reconcile` finds changes that no webhook reported: it reads the tasks that
changed since the last comparison, and compares the numbers of tasks and annotations at a moment when nothing changes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from ml_backend.labelstudio.client import LabelStudio, ProjectInfo
from ml_backend.labelstudio.events import affected_tasks
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.task_lists import TASKS_PER_PAGE
from ml_backend.labelstudio.tasks import RemoteTask
from ml_backend.pipeline.context import RunContext
from ml_backend.pipeline.task_records import store_tasks
from ml_backend.store import Store
from ml_backend.store.records import EventRecord, FirstRead, Unmatched
from ml_backend.store.states import RunReason

logger = logging.getLogger(__name__)

WITHOUT_COMPARISON = {RunReason.LABELS, RunReason.CONTINUED}
"""Run reasons after which only what events name is read again; they come many times a minute."""
MISMATCHES_BEFORE_FULL_READ = 2
TRIES_PER_COMPARISON = 2
"""How often a comparison looks for a moment when nothing changes; while people label there may be none."""
OVERLAP = timedelta(seconds=5)
"""Changes this much older than the newest one seen are read again: a slow request may have stored one after it."""
MAX_NEW_BY_ID = 5000
"""If more tasks than this are new, reading every task is faster."""
MAX_CHANGED_BY_ID = 1000
"""More changed tasks than this are read page by page instead of by their ids."""
FIRST_READ_SECONDS = 10.0
"""How long a run reads before it publishes from the tasks read so far, so that labelling can start early."""


Counts = tuple[int, int, int]
"""Numbers of tasks, of submitted annotations and of skips."""
NOTHING_MISSING: Counts = (0, 0, 0)


def synchronize(run: RunContext) -> SyncReport:
    """Update the database from Label Studio, and delete the events that were processed.

    Raises LabelStudioError; the events are then kept.
    """
    report = SyncReport()
    synchronizer = Synchronizer.of(run)
    watermark, first_read = run.project.watermark, run.project.first_read
    text_source = run.config.text_source
    if run.project.text_source not in (None, text_source):
        # The texts now come from other fields or another tag, so every task has to be read again.
        watermark, first_read = None, None
    if watermark is None:
        first_read = first_read or FirstRead(1, run.client.newest_update(run.id), run.info.task_number)
        run.store.update_project(run.id, watermark=None, first_read=first_read, text_source=text_source)
        run.services.load_ahead(run.model)  # it takes seconds, and so does reading
        # The first batch is chosen from a few hundred texts, so one page is enough for it.
        seconds = FIRST_READ_SECONDS if first_read.next_page > 1 else 0.0
        # People label what is published from the first page on, and reading the other pages may take minutes.
        synchronizer.read_events(run.events, report)
        if synchronizer.first_read(first_read, time.monotonic() + seconds, report):
            run.store.update_project(run.id, watermark=first_read.newest, first_read=None)
    else:
        needs_comparison = synchronizer.read_events(run.events, report)
        if needs_comparison or set(run.reasons) - WITHOUT_COMPARISON:
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

    @classmethod
    def of(cls, run: RunContext) -> Self:
        """That of a run's project."""
        return cls(run.store, run.client, run.config, run.info, run.report_phase)

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
            self.store.update_project(
                self.info.id, first_read=FirstRead(page.number + 1, start.newest, self.info.task_number)
            )
            tasks_so_far = min(page.number * TASKS_PER_PAGE, self.info.task_number)
            self.report_phase(f"reading tasks: {tasks_so_far:,} of {self.info.task_number:,}")
            if not page.is_last and time.monotonic() > deadline:
                report.complete = False
                return False
        return True

    def reconcile(self, watermark: str | None, report: SyncReport) -> str | None:
        """Find changes that no webhook reported: changed tasks by `updated_at`, deletions by comparing counts.

        Counts differ while people label, since they cannot be taken here and in Label Studio at the same moment. So a
        difference counts only if Label Studio's counts were the same before and after the changes were read; otherwise
        the next comparison looks again.

        watermark: newest `updated_at` read so far (ISO 8601), None if nothing was read. Returns the new one.
        """
        remote = _counts_of(self.info)
        for _ in range(TRIES_PER_COMPARISON):
            watermark = self._read_since(watermark, report)
            if self._missing_here(remote) == NOTHING_MISSING:
                self._store_mismatch(None, labels_behind=0)
                return watermark
            before, remote = remote, _counts_of(self.client.project(self.info.id))
            if remote == before:
                self._resolve_mismatch(remote, report)
                return watermark
        self.store.update_project(self.info.id, labels_behind=_labels(self._missing_here(remote)))
        return watermark

    def _read_since(self, watermark: str | None, report: SyncReport) -> str | None:
        """Read the tasks that changed since the watermark; returns the new one."""
        newest = self.client.newest_update(self.info.id)
        if newest == watermark:
            return newest
        # Most of them were read already, after the events of their labels.
        updates = self.client.updates(self.info.id, _shortly_before(watermark), MAX_CHANGED_BY_ID)
        if updates is None:
            self._read_changed(_shortly_before(watermark), report)
        else:
            stored = self.store.task_updates(self.info.id, updates)
            self._read_by_id({i for i, moment in updates.items() if stored.get(i) != moment}, report)
        return newest

    def _missing_here(self, remote: Counts) -> Counts:
        """How many tasks, submitted annotations and skips Label Studio has more than the database."""
        stored = (self.store.task_count(self.info.id), *self.store.annotation_counts(self.info.id))
        return remote[0] - stored[0], remote[1] - stored[1], remote[2] - stored[2]

    def _resolve_mismatch(self, remote: Counts, report: SyncReport) -> None:
        """Read what can explain a difference of the counts; every task only for one that was seen before, and once.

        A difference that stays afterwards is no reason to read again: Label Studio may count what no task has.
        """
        missing = self._missing_here(remote)
        project = self.store.project(self.info.id)
        previous = project.unmatched if project else None
        times = previous.times + 1 if previous is not None and previous.counts == list(missing) else 1
        if missing[0] and times == 1:
            self._compare_task_ids(report)
        if times == MISMATCHES_BEFORE_FULL_READ:
            self._read_annotated(report)
            if self._missing_here(remote) != NOTHING_MISSING:
                logger.warning("project %s: annotations are missing here; reading every task", self.info.id)
                self._read_changed(None, report)
        left = self._missing_here(remote)
        unmatched = Unmatched(list(left), times if left == missing else 1)
        self._store_mismatch(None if left == NOTHING_MISSING else unmatched, _labels(left))

    def _store_mismatch(self, unmatched: Unmatched | None, labels_behind: int) -> None:
        self.store.update_project(self.info.id, unmatched=unmatched, labels_behind=labels_behind)

    def _compare_task_ids(self, report: SyncReport) -> None:
        remote_ids, stored_ids = self.client.task_ids(self.info.id), self.store.task_ids(self.info.id)
        self._remove(stored_ids - remote_ids)
        new = remote_ids - stored_ids
        if len(new) > MAX_NEW_BY_ID:
            self._read_changed(None, report)
        else:
            self._read_by_id(new, report)

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
        store_tasks(self.store, self.info.id, tasks, self.config)
        report.tasks_read += len(tasks)


def _counts_of(info: ProjectInfo) -> Counts:
    return info.task_number, info.total_annotations, info.skipped_annotations


def _labels(missing: Counts) -> int:
    """Number of labels and skips missing here; 0 if there are more here."""
    return max(0, missing[1] + missing[2])


def _shortly_before(moment: str | None) -> str | None:
    """`OVERLAP` before a time (ISO 8601); anything else as it is."""
    try:
        earlier = datetime.fromisoformat(moment or "") - OVERLAP
    except (ValueError, OverflowError):
        return moment
    return earlier.isoformat(timespec="microseconds").replace("+00:00", "Z")
