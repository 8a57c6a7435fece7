"""When runs happen: one at a time per project, one more for requests during a run, again after a failure."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from itertools import count
from typing import Any, cast

import pytest
from local_backend import WordHashes, services
from sqlalchemy.exc import OperationalError

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable
from ml_backend.labelstudio.texts import text_hash
from ml_backend.pipeline.context import Services
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord
from ml_backend.store.states import ProjectState, RunReason
from ml_backend.worker import worker as worker_module
from ml_backend.worker.queue import TaskQueue
from ml_backend.worker.retry import LONGEST_RETRY_SECONDS, retry_delay
from ml_backend.worker.worker import DATABASE_PAUSE, Worker


class RecordingQueue:
    """A queue that only records for which project it would wake a worker, and after how many seconds."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, float]] = []

    def wake_worker(self, project_id: int, delay: float = 0.0) -> None:
        self.sent.append((project_id, delay))


@pytest.fixture
def queue() -> RecordingQueue:
    return RecordingQueue()


def unused_services(store: Store) -> Services:
    """Services for runs that are replaced by functions of these tests."""
    return services(store, cast(LabelStudio, None))


@pytest.fixture
def make_worker(sqlite_store: Store, queue: RecordingQueue) -> Callable[[], Worker]:
    sqlite_store.ensure_project(7)

    def make() -> Worker:
        hours = count(0, 3600)  # every failure comes after the retry of the one before
        return Worker(
            sqlite_store, cast(TaskQueue, queue), unused_services(sqlite_store), clock=lambda: float(next(hours))
        )

    return make


def runs(monkeypatch: pytest.MonkeyPatch, *bodies: Callable[[], bool]) -> list[list[str]]:
    """Let the next runs call these functions; returns a growing list with the reasons of each run."""
    reasons_of_runs: list[list[str]] = []
    left = list(bodies)

    def run_project(_services: Any, _project_id: int, reasons: list[str]) -> bool:
        reasons_of_runs.append(reasons)
        return left.pop(0)() if left else False

    monkeypatch.setattr(worker_module, "run_project", run_project)
    return reasons_of_runs


def test_requests_while_another_worker_runs_lead_to_one_more_run_at_once(
    make_worker: Callable[[], Worker], sqlite_store: Store, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    first, second = make_worker(), make_worker()

    def meanwhile() -> bool:
        sqlite_store.request_run(7, "labels")
        second.run(7)  # it cannot get the lease
        sqlite_store.request_run(7, "labels")
        return False

    reasons_of_runs = runs(monkeypatch, meanwhile)
    sqlite_store.request_run(7, "start")
    first.run(7)
    assert reasons_of_runs == [["start"]]
    assert queue.sent == [(7, 0.0)]
    second.run(7)
    assert reasons_of_runs == [["start"], ["labels"]]
    assert queue.sent == [(7, 0.0)], "no further run was requested"


def test_a_failed_run_is_tried_again_later_and_keeps_its_reasons(
    make_worker: Callable[[], Worker], sqlite_store: Store, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    def unavailable() -> bool:
        raise LabelStudioUnavailable("Label Studio does not answer")

    def broken() -> bool:
        raise ZeroDivisionError

    reasons_of_runs = runs(monkeypatch, unavailable, broken)
    worker = make_worker()
    sqlite_store.request_run(7, "labels")
    worker.run(7)
    project = sqlite_store.project(7)
    assert project is not None
    assert (project.state, project.error) == ("waiting", "Label Studio does not answer")
    worker.run(7)
    project = sqlite_store.project(7)
    assert project is not None
    assert (project.state, project.failed_runs) == ("failed", 2)
    worker.run(7)
    assert queue.sent == [(7, 2.0), (7, 4.0)], "each pause must be longer"
    assert reasons_of_runs == [["labels"]] * 3
    assert sqlite_store.pending_projects() == []


def test_a_project_whose_runs_fail_stops_no_other_project_and_its_error_names_the_place(
    make_worker: Callable[[], Worker], sqlite_store: Store, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    ran: list[int] = []

    def run_project(_services: Any, project_id: int, _reasons: list[RunReason]) -> bool:
        ran.append(project_id)
        if project_id == 7:
            retry_delay(cast(int, "nul \x00"))
        return False

    monkeypatch.setattr(worker_module, "run_project", run_project)
    sqlite_store.ensure_project(8, state=ProjectState.READY)
    worker = make_worker()
    for _ in range(2):
        for project_id in (7, 8):
            worker.run(project_id)
    assert ran == [7, 8, 7, 8]
    failed, other = sqlite_store.project(7), sqlite_store.project(8)
    assert failed is not None
    assert other is not None
    assert failed.state == "failed"
    assert "TypeError" in (failed.error or "")
    assert "in worker/retry.py, line" in (failed.error or "")
    assert (other.state, other.error) == ("ready", None)
    assert queue.sent == [(7, 2.0), (7, 4.0)], "only the failed project is tried again"


def test_failures_before_a_retry_is_due_send_no_further_one(
    sqlite_store: Store, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    def unavailable() -> bool:
        raise LabelStudioUnavailable("Label Studio does not answer")

    runs(monkeypatch, *[unavailable] * 5)
    sqlite_store.ensure_project(7)
    moments = iter([0.0, 0.5, 1.0, 2.0, 5.0])
    worker = Worker(sqlite_store, cast(TaskQueue, queue), unused_services(sqlite_store), clock=lambda: next(moments))
    for sent in ([2.0], [2.0], [2.0], [2.0, 16.0], [2.0, 16.0]):
        worker.run(7)
        assert [delay for _, delay in queue.sent] == sent
    project = sqlite_store.project(7)
    assert project is not None
    assert project.phase == "trying again in 13 s (try 5)"


def test_a_run_whose_lease_is_lost_leaves_its_reasons_to_the_next_one_and_does_not_count_as_failed(
    make_worker: Callable[[], Worker], sqlite_store: Store, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    def frozen() -> bool:
        sqlite_store.delete_leases(sqlite_store.lease_owners())
        assert sqlite_store.acquire_lease(7, "next", 60.0)
        raise LabelStudioUnavailable("a request that was sent before timed out")

    runs(monkeypatch, frozen)
    sqlite_store.update_project(7, state=ProjectState.READY)
    sqlite_store.request_run(7, RunReason.SETUP)
    make_worker().run(7)
    project = sqlite_store.project(7)
    assert project is not None
    assert (project.state, project.error) == ("ready", None)
    assert sqlite_store.lease_owners() == ["next"]
    assert sqlite_store.take_requests(7) == ["setup"]
    assert queue.sent[-1] == (7, 0.0)


def test_after_a_run_that_worked_the_next_failure_is_the_first(
    make_worker: Callable[[], Worker], queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    def unavailable() -> bool:
        raise LabelStudioUnavailable("Label Studio does not answer")

    runs(monkeypatch, unavailable, lambda: True, unavailable)
    worker = make_worker()
    worker.run(7)
    worker.run(7)
    assert queue.sent == [(7, 2.0), (7, 0.0)], "work that is left goes on at once"
    worker.run(7)
    assert queue.sent[2:] == [(7, 2.0)]


def test_the_reconciliation_wakes_a_worker_for_every_project_although_one_was_woken_before(
    make_worker: Callable[[], Worker], sqlite_store: Store, queue: RecordingQueue
):
    sqlite_store.ensure_project(8)
    sqlite_store.request_run(7, "labels")  # its message was lost
    make_worker().reconcile_all(RunReason.EVERY_MINUTE)
    assert queue.sent == [(7, 0.0), (8, 0.0)]
    assert sqlite_store.take_requests(7) == ["every minute", "labels"]


def test_a_worker_that_starts_releases_the_leases_of_ended_ones_and_no_others(
    make_worker: Callable[[], Worker], sqlite_store: Store
):
    host = socket.gethostname()
    ended = subprocess.Popen(["true"])
    ended.wait()
    running = f"{host}:{os.getppid()}:0a:1"
    sqlite_store.acquire_lease(7, f"{host}:{ended.pid}:0a:1", 60.0)
    sqlite_store.acquire_lease(8, running, 60.0)
    make_worker().release_stale_leases()
    assert sqlite_store.lease_owners() == [running]


def test_an_unfinished_run_is_continued_at_once(
    make_worker: Callable[[], Worker], sqlite_store: Store, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    reasons_of_runs = runs(monkeypatch, lambda: True)
    worker = make_worker()
    worker.run(7)
    assert queue.sent == [(7, 0.0)]
    worker.run(7)
    assert reasons_of_runs == [["unasked"], ["continued"]]


def test_pauses_between_retries_double_up_to_a_minute():
    assert [retry_delay(failures) for failures in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]
    assert retry_delay(100_000) == LONGEST_RETRY_SECONDS


def test_texts_for_predict_are_embedded_only_by_a_model_in_use_and_under_their_own_hash(
    sqlite_store: Store, queue: RecordingQueue, caplog: pytest.LogCaptureFixture
):
    loaded: list[str] = []

    def embedder(name: str) -> WordHashes:
        loaded.append(name)
        return WordHashes()

    services = Services(sqlite_store, cast(Any, None), cast(Any, None), cast(Any, embedder), "minilm", "")
    sqlite_store.ensure_project(7, settings={"embedding_model": "owner/model"})
    worker = Worker(sqlite_store, cast(TaskQueue, queue), services)
    good, planted = text_hash("hello"), text_hash("another text")
    worker.embed("stranger/model", {good: "hello"})
    assert loaded == []
    assert "'stranger/model', which no project uses" in caplog.text
    worker.embed("owner/model", {good: "hello", planted: "hello", text_hash("?"): "\ud800"})
    worker.embed("sentence-transformers/all-MiniLM-L6-v2", {planted: "hello"})
    assert loaded == ["owner/model"], "nothing is left to embed of the last one"
    assert set(sqlite_store.embeddings(WordHashes.name, [good, planted, text_hash("?")])) == {good}


def test_a_message_of_a_project_that_another_process_runs_leads_to_help(
    sqlite_store: Store, make_worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
):
    helped: list[int] = []
    monkeypatch.setattr(worker_module, "help_to_embed", lambda _services, project_id, _stop: helped.append(project_id))
    sqlite_store.acquire_lease(7, "other-machine:1:0a:1", 60.0)
    make_worker().run(7)
    assert helped == [7]


def test_a_second_thread_of_the_process_that_runs_a_project_does_not_help(
    sqlite_store: Store, make_worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
):
    helped: list[int] = []
    monkeypatch.setattr(worker_module, "help_to_embed", lambda _services, project_id, _stop: helped.append(project_id))
    worker = make_worker()
    sqlite_store.acquire_lease(7, f"{worker._owner}:another thread", 60.0)
    worker.run(7)
    assert helped == []


def test_claims_of_a_worker_of_this_machine_that_ended_are_released_at_the_start(
    sqlite_store: Store, make_worker: Callable[[], Worker]
):
    ended = subprocess.Popen(["true"])
    ended.wait()
    records = [TaskRecord(7, i, f"h{i}", None, "2026") for i in (1, 2)]
    sqlite_store.upsert_tasks(7, records, {"h1": "one", "h2": "two"})
    sqlite_store.claim_texts(7, "m", f"{socket.gethostname()}:{ended.pid}:0a:1", 60.0, 1)
    sqlite_store.claim_texts(7, "m", "other-machine:1:0a:1", 60.0, 1)
    make_worker().release_stale_leases()
    assert sqlite_store.claim_owners() == ["other-machine:1:0a:1"]


def test_projects_take_turns_and_none_runs_twice_while_another_waits(
    make_worker: Callable[[], Worker], sqlite_store: Store, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    ran: list[int] = []

    def run_project(_services: Any, project_id: int, _reasons: list[RunReason]) -> bool:
        ran.append(project_id)
        sqlite_store.request_run(1, RunReason.LABELS)  # somebody labels in it without a pause
        return project_id == 2  # a large first embedding, which is continued

    monkeypatch.setattr(worker_module, "run_project", run_project)
    projects = list(range(1, 11))
    for project_id in projects:
        sqlite_store.ensure_project(project_id)
        sqlite_store.request_run(project_id, RunReason.LABELS)
    worker = make_worker()
    for _ in projects:
        worker.run_next(2)  # whatever the message names
    assert ran == projects
    for project_id in projects[2:]:
        sqlite_store.request_run(project_id, RunReason.LABELS)
    for _ in projects:
        worker.run_next(2)
    assert sorted(ran[10:]) == projects
    assert ran[10:12] == [1, 2]
    assert len(queue.sent) == 20, "each run wakes a worker once for those that still wait"


def test_two_threads_of_a_worker_run_two_projects_and_a_message_too_many_runs_none(
    make_worker: Callable[[], Worker], sqlite_store: Store, queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    other = make_worker()
    ran: list[int] = []

    def run_project(_services: Any, project_id: int, _reasons: list[RunReason]) -> bool:
        ran.append(project_id)
        if len(ran) == 1:
            other.run_next(7)
        return False

    monkeypatch.setattr(worker_module, "run_project", run_project)
    for project_id in (7, 8):
        sqlite_store.request_run(project_id, RunReason.LABELS)
    worker = make_worker()
    for _ in range(3):
        worker.run_next(7)
    assert ran == [7, 8]
    assert queue.sent == []


def test_a_failed_run_is_not_taken_before_its_time_unless_a_person_asks(
    make_worker: Callable[[], Worker], sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    def unavailable() -> bool:
        raise LabelStudioUnavailable("Label Studio does not answer")

    reasons_of_runs = runs(monkeypatch, unavailable)
    worker, other = make_worker(), make_worker()
    sqlite_store.request_run(7, RunReason.LABELS)
    worker.run_next(7)
    sqlite_store.request_run(7, RunReason.TASKS)
    other.run_next(7)
    assert len(reasons_of_runs) == 1, "a worker that does not know of the failure waits too"
    sqlite_store.request_run(7, RunReason.SETTINGS)
    other.run_next(7)
    assert reasons_of_runs[1:] == [["labels", "settings", "tasks"]]


def test_a_clock_that_is_set_back_stops_no_project(
    make_worker: Callable[[], Worker], sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    reasons_of_runs = runs(monkeypatch)
    worker = make_worker()
    sqlite_store.request_run(7, RunReason.LABELS)
    sqlite_store.put_off_runs(7, 3600.0)
    worker.run_next(7)
    assert reasons_of_runs == [["labels"]]


def test_the_comparison_of_every_minute_leaves_a_missing_project_until_its_time(
    make_worker: Callable[[], Worker], sqlite_store: Store
):
    now = time.time()
    sqlite_store.update_project(7, state=ProjectState.MISSING, missing_since=now - 60, check_after=now + 600)
    worker = make_worker()
    worker.reconcile_all(RunReason.EVERY_MINUTE)
    assert sqlite_store.pending_projects() == []
    worker.reconcile_all(RunReason.START)
    assert sqlite_store.take_requests(7) == ["start"], "the person may have replaced the key"
    sqlite_store.update_project(7, check_after=now - 1)
    worker.reconcile_all(RunReason.EVERY_MINUTE)
    assert sqlite_store.pending_projects() == [7]


def test_a_missing_project_lets_others_pass(make_worker: Callable[[], Worker], sqlite_store: Store):
    make_worker()
    sqlite_store.update_project(7, state=ProjectState.MISSING, missing_since=1.0)
    for project_id in (7, 8):
        sqlite_store.request_run(project_id, RunReason.LABELS)
    assert sqlite_store.waiting_projects() == [8, 7]


@pytest.mark.parametrize("failing", ["update_project", "request_run", "put_off_runs", "release_lease"])
def test_a_repetition_that_the_database_could_not_store_comes_soon_and_keeps_its_reasons(
    make_worker: Callable[[], Worker],
    sqlite_store: Store,
    queue: RecordingQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failing: str,
):
    def gone(*_: object, **_fields: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database is gone"))

    worker = make_worker()
    sqlite_store.request_run(7, "labels")
    with monkeypatch.context() as outage:

        def broken() -> bool:
            outage.setattr(Store, failing, gone)
            raise LabelStudioUnavailable("no answer")

        runs(outage, broken)
        worker.run_next(7)
    assert queue.sent[-1] == (7, DATABASE_PAUSE)
    assert not any(record.exc_info for record in caplog.records)
    reasons_of_runs = runs(monkeypatch)
    sqlite_store.delete_leases(sqlite_store.lease_owners())  # they end by themselves
    sqlite_store.request_run(7, "settings")  # a person asks, so that the run is not put off
    worker.run_next(7)
    assert reasons_of_runs == [["labels", "settings"]]


def test_while_the_database_is_gone_each_message_leads_to_one_try_after_a_pause(
    make_worker: Callable[[], Worker], queue: RecordingQueue, monkeypatch: pytest.MonkeyPatch
):
    def gone(_store: Store) -> list[int]:
        raise OperationalError("SELECT", {}, Exception("database is gone"))

    monkeypatch.setattr(Store, "waiting_projects", gone)
    worker = make_worker()
    for tries in (1, 2, 3):
        worker.run_next(7)
        assert queue.sent == [(7, DATABASE_PAUSE)] * tries
