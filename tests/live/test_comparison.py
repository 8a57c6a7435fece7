"""What the minute's comparison costs: requests to Label Studio and tasks read, while people label and while not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from live_loop import CLASSES
from project_runs import MINUTE, MakeProject, Project

from ml_backend.pipeline import sync as syncing
from ml_backend.pipeline.open_run import open_run
from ml_backend.store.states import RunReason


@pytest.fixture(autouse=True)
def _no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """In these tests everything happened within the last five seconds."""
    monkeypatch.setattr(syncing, "OVERLAP", timedelta(0))


def compare(project: Project, *reasons: RunReason) -> tuple[int, int]:
    """The requests and the tasks that one comparison reads. reasons: of its run; without any, that of every minute."""
    run = open_run(project.services, project.id, list(reasons) or [RunReason(MINUTE)])
    assert run is not None
    requests = project.studio.studio.requests
    before = len(requests)
    report = syncing.synchronize(run)
    read = {("GET", "/api/tasks"), ("GET", f"/api/projects/{project.id}")}
    return sum(request in read for request in requests[before:]), report.tasks_read


def test_without_changes_one_small_request_is_sent(make_project: MakeProject):
    project = make_project(40)
    project.run("setup")
    project.label(10)
    project.run(MINUTE)
    assert compare(project) == (1, 0)


def test_only_the_tasks_that_changed_are_read(make_project: MakeProject):
    project = make_project(60, retrain_every=100)
    project.run("setup")
    project.label(20, reported=False)
    assert compare(project)[1] <= 20 + 1
    project.label(3, reported=False)
    assert compare(project) == (3, 3)
    assert project.store.annotation_counts(project.id) == (23, 0)


def test_a_run_that_continues_the_one_before_compares_nothing(make_project: MakeProject):
    project = make_project(60, retrain_every=100)
    project.run("setup")
    project.label(3, reported=False)
    assert compare(project, RunReason.CONTINUED, RunReason.LABELS) == (0, 0)
    assert compare(project) == (3, 3)


def test_tasks_that_were_read_after_the_events_of_their_labels_are_not_read_again(make_project: MakeProject):
    project = make_project(60, retrain_every=100)
    project.run("setup")
    project.label(20)
    project.run("labels")
    assert compare(project) == (2, 0)
    assert project.store.annotation_counts(project.id) == (20, 0)


def test_labels_that_arrive_between_the_requests_lead_to_no_full_read(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    project = make_project(100, retrain_every=100)
    project.run("setup")
    project.label(30, reported=False)
    compare(project)
    newest_update, get_project = project.client.newest_update, project.client.project
    tasks_by_id, task_ids = project.client.tasks_by_id, project.client.task_ids

    def meanwhile(request: Any) -> Any:
        def labelled_before(*arguments: Any) -> Any:
            project.label(1, reported=False)
            return request(*arguments)

        return labelled_before

    with monkeypatch.context() as busy:
        busy.setattr(project.client, "newest_update", meanwhile(newest_update))
        busy.setattr(project.client, "project", meanwhile(get_project))
        busy.setattr(project.client, "tasks_by_id", meanwhile(tasks_by_id))
        busy.setattr(project.client, "task_ids", meanwhile(task_ids))
        for _ in range(4):
            requests, read = compare(project)
            assert requests <= 4 * syncing.TRIES_PER_COMPARISON
            assert read <= 4 * syncing.TRIES_PER_COMPARISON
            assert project.record.unmatched is None
            behind = get_project(project.id).total_annotations - project.store.annotation_counts(project.id)[0]
            assert project.record.labels_behind == behind > 0
    compare(project)
    assert project.store.annotation_counts(project.id)[0] == get_project(project.id).total_annotations
    assert project.record.labels_behind == 0


def test_annotations_that_go_without_a_trace_are_found_between_two_labels(make_project: MakeProject):
    project = make_project(60, retrain_every=100)
    project.run("setup")
    tasks = project.label(10)
    project.run(MINUTE)
    tables = project.studio.tables
    for row in [row for row in tables.annotations.values() if row.task in tasks[:4]]:
        del tables.annotations[row.id]  # as with a deleted user: neither a webhook nor a new time on the task
    for task in sorted(project.client.task_ids(project.id) - set(tasks))[:2]:
        project.person.annotate(task, CLASSES[0])
        compare(project)
    assert project.store.annotation_counts(project.id) == (8, 0)
    assert project.record.unmatched is None
