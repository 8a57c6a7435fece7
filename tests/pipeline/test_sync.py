"""The first read resumes where it stopped, and wrong counters of Label Studio lose no label.

The Label Studio here is a stand-in, since the real one gets a counter wrong only if an import and an annotation
happen to overlap.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.client import LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.tasks import RemoteTask, TaskPage
from ml_backend.pipeline import sync as syncing
from ml_backend.pipeline.sync import TRIES_PER_COMPARISON, Synchronizer, SyncReport
from ml_backend.pipeline.task_records import store_tasks
from ml_backend.store import Store
from ml_backend.store.records import EventRecord, FirstRead

CONFIG = parse(
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="a"/><Choice value="b"/></Choices>'
    "</View>"
)


class Miscounting:
    """Ten tasks, of which the first four are annotated; its list of annotated tasks lacks the first."""

    def __init__(self) -> None:
        result = [{"from_name": "c", "value": {"choices": ["a"]}}]
        self.tasks = [
            RemoteTask(i, {"text": f"text {i}"}, "2026", [Annotation(i, i, 1, False, result, "2026")] * (i <= 4))
            for i in range(1, 11)
        ]
        self.whole_reads = 0
        self.info = ProjectInfo(7, "", "", "", "", len(self.tasks), 4, 0)

    def newest_update(self, _project: int) -> str:
        return "2026"

    def updates(self, _project: int, _after: str | None, _limit: int) -> dict[int, str]:
        return {task.id: task.updated_at for task in self.tasks}

    def project(self, _project: int) -> ProjectInfo:
        return self.info

    def task_ids(self, _project: int) -> set[int]:
        return {task.id for task in self.tasks}

    def tasks_by_id(self, _project: int, ids: list[int]) -> list[RemoteTask]:
        return [task for task in self.tasks if task.id in ids]

    def task_pages(self, _project: int, annotated_only: bool = False, **_: Any) -> Iterator[TaskPage]:
        self.whole_reads += not annotated_only
        yield TaskPage(1, [task for task in self.tasks if not annotated_only or 1 < task.id <= 4], is_last=True)


@pytest.fixture
def studio() -> Miscounting:
    return Miscounting()


def synchronizer_of(store: Store, studio: Miscounting) -> Synchronizer:
    return Synchronizer(store, cast(LabelStudio, studio), CONFIG, studio.info, lambda _: None)


def reconcile(store: Store, studio: Miscounting, annotations: int, skips: int = 0) -> None:
    """Compare while nothing changes in Label Studio, which counts so many annotations and skips."""
    studio.info = replace(studio.info, total_annotations=annotations, skipped_annotations=skips)
    synchronizer_of(store, studio).reconcile("2026", SyncReport())


@pytest.fixture
def read(sqlite_store: Store, studio: Miscounting) -> Store:
    """A store that has read everything."""
    sqlite_store.ensure_project(7)
    store_tasks(sqlite_store, 7, studio.tasks, CONFIG)
    return sqlite_store


def test_a_label_is_not_lost_when_a_counter_is_too_low(read: Store, studio: Miscounting):
    for _ in range(2):
        reconcile(read, studio, annotations=3)  # counted just before the fourth annotation
        assert read.annotation_counts(7) == (4, 0)
    studio.tasks[1].annotations.clear()
    for _ in range(2):
        reconcile(read, studio, annotations=2)
    assert read.annotation_counts(7) == (3, 0), "a deletion must be noticed all the same"


def test_a_label_that_no_counter_shows_is_found_by_reading_all_tasks_once(read: Store, studio: Miscounting):
    read.replace_annotations(7, {1: []})
    reconcile(read, studio, annotations=4)
    assert (read.annotation_counts(7), studio.whole_reads) == ((3, 0), 0)
    assert read.project(7).labels_behind == 1
    reconcile(read, studio, annotations=4)
    assert (read.annotation_counts(7), studio.whole_reads) == ((4, 0), 1)
    assert read.project(7).labels_behind == 0
    for _ in range(5):
        reconcile(read, studio, annotations=5)  # counts an annotation that no task has
    assert studio.whole_reads == 2, "reading all tasks must not be repeated if it did not help"
    studio.tasks[5] = replace(studio.tasks[5], annotations=[replace(studio.tasks[1].annotations[0], annotation_id=6)])
    store_tasks(read, 7, [studio.tasks[5]], CONFIG)
    for _ in range(3):
        reconcile(read, studio, annotations=6)
    assert studio.whole_reads == 2, "with one more label on both sides it is the same difference"


def test_counts_that_change_meanwhile_lead_to_no_read(read: Store, studio: Miscounting):
    """Somebody labels between any two requests, so that the counts never agree."""

    class Busy(Miscounting):
        def project(self, _project: int) -> ProjectInfo:
            self.info = replace(self.info, total_annotations=self.info.total_annotations + 1)
            return self.info

    busy = Busy()
    busy.info = replace(busy.info, total_annotations=6)
    for _ in range(5):
        synchronizer_of(read, busy).reconcile("2026", SyncReport())
    assert busy.whole_reads == 0
    assert read.project(7).labels_behind == 5 * TRIES_PER_COMPARISON + 6 - 4
    assert read.project(7).unmatched is None


def deletion(event_id: int, *annotation_ids: int) -> EventRecord:
    body = {"annotations": [{"id": i} for i in annotation_ids]}
    return EventRecord(event_id, 7, "ANNOTATIONS_DELETED", body, received_at=0.0)


def test_the_deletion_of_an_unknown_annotation_leads_to_a_comparison_of_all(read: Store, studio: Miscounting):
    synchronizer = synchronizer_of(read, studio)
    assert not synchronizer.read_events([deletion(1, 1, 2)], SyncReport())
    assert synchronizer.read_events([deletion(2, 1, 2, 3, 99)], SyncReport()), "99 was never read"
    assert not synchronizer.read_events([], SyncReport())


def test_events_that_name_too_many_tasks_ask_for_a_comparison(
    sqlite_store: Store, studio: Miscounting, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(syncing, "MAX_CHANGED_BY_ID", 2)
    sqlite_store.ensure_project(7)
    synchronizer = synchronizer_of(sqlite_store, studio)

    def created(*task_ids: int) -> list[EventRecord]:
        return [EventRecord(1, 7, "TASKS_CREATED", {"tasks": [{"id": i} for i in task_ids]}, received_at=0.0)]

    assert not synchronizer.read_events(created(1, 2), SyncReport())
    assert synchronizer.read_events(created(1, 2, 3), SyncReport())


def test_a_deleted_skip_is_noticed_by_the_number_of_skips(sqlite_store: Store, studio: Miscounting):
    sqlite_store.ensure_project(7)
    studio.tasks[1].annotations[:] = [replace(studio.tasks[1].annotations[0], cancelled=True)]
    store_tasks(sqlite_store, 7, studio.tasks, CONFIG)
    assert sqlite_store.annotation_counts(7) == (3, 1)
    studio.tasks[1].annotations.clear()
    for _ in range(2):
        reconcile(sqlite_store, studio, annotations=3, skips=0)
    assert sqlite_store.annotation_counts(7) == (3, 0)


class Killed(BaseException):
    """Ends everything, as SIGKILL does."""


class Paged:
    """Tasks 1 to 5 on pages of two; records which pages were read. dies_at: the page at which the process is killed."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.pages_read: list[int] = []
        self._dies_at = dies_at

    def task_pages(self, _project: int, start_page: int) -> Iterator[TaskPage]:
        for number in range(start_page, 4):
            if number == self._dies_at:
                raise Killed
            self.pages_read.append(number)
            ids = range(2 * number - 1, min(2 * number, 5) + 1)
            yield TaskPage(number, [RemoteTask(i, {"text": f"text {i}"}, "2026") for i in ids], is_last=number == 3)


def test_the_first_read_stops_at_its_deadline_and_resumes_at_the_next_page(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    studio, progress = Paged(), list[str]()
    info = ProjectInfo(7, "", "", "", "", 5, 0, 0)
    synchronizer = Synchronizer(sqlite_store, cast(LabelStudio, studio), CONFIG, info, progress.append)
    passed, future = time.monotonic() - 1.0, time.monotonic() + 600.0
    report = SyncReport()
    assert not synchronizer.first_read(FirstRead(1, "2026"), passed, report)
    assert (studio.pages_read, report.tasks_read, report.complete) == ([1], 2, False)
    assert sqlite_store.task_ids(7) == {1, 2}
    report = SyncReport()
    assert synchronizer.first_read(reached(sqlite_store), future, report)
    assert (studio.pages_read, report.complete) == ([1, 2, 3], True)
    assert sqlite_store.task_ids(7) == {1, 2, 3, 4, 5}
    report = SyncReport()
    assert synchronizer.first_read(FirstRead(3, "2026"), passed, report), (
        "after the last page nothing is left, even past the deadline"
    )
    assert report.complete
    assert len(progress) == 4, "progress is reported for every page"


def test_a_first_read_that_is_killed_resumes_at_the_page_after_the_last_one_stored(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    studio = Paged(dies_at=3)
    info = ProjectInfo(7, "", "", "", "", 5, 0, 0)
    synchronizer = Synchronizer(sqlite_store, cast(LabelStudio, studio), CONFIG, info, lambda _: None)
    with pytest.raises(Killed):
        synchronizer.first_read(FirstRead(1, "2026"), time.monotonic() + 600.0, SyncReport())
    assert reached(sqlite_store) == FirstRead(3, "2026", tasks=5)


def reached(store: Store) -> FirstRead:
    project = store.project(7)
    assert project is not None
    assert project.first_read is not None
    return project.first_read
