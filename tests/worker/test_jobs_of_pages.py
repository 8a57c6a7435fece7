"""What a worker does with jobs: progress, stopping, dying and going on, errors, a lost message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from local_backend import services
from sqlalchemy.exc import OperationalError

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable
from ml_backend.pipeline.job_kinds import Pace
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.store import Store
from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import JobState
from ml_backend.worker import jobs as worker_jobs
from ml_backend.worker.jobs import MOST_TRIES, Jobs

PROJECT = 7
Start = Callable[..., Jobs]


def until(condition: Callable[[], Any]) -> None:
    """Wait for something that another thread does."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.005)


@pytest.fixture
def asked(sqlite_store: Store) -> Callable[..., JobRecord]:
    """Asks for a job; parameters by name."""
    sqlite_store.ensure_project(PROJECT)
    return lambda kind="count", **parameters: sqlite_store.add_job(PROJECT, kind, parameters, "Ann")


@pytest.fixture
def start(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a worker's jobs; what does each long kind, by name."""
    monkeypatch.setattr(worker_jobs, "LOOK_EVERY_SECONDS", 0.02)
    client = LabelStudio("http://127.0.0.1:9", "key")
    running: list[Jobs] = []

    def begin(quick: dict[str, Any] | None = None, heavy: dict[str, Any] | None = None, **long: Any) -> Jobs:
        runs = {Pace.QUICK: quick or {}, Pace.LONG: long, Pace.HEAVY: heavy or {}}
        running.append(Jobs(services(sqlite_store, client), runs))
        running[-1].start()
        return running[-1]

    yield begin
    for jobs in running:
        jobs.stop(patience=10)
    client.close()


def found(store: Store, job: JobRecord) -> JobRecord:
    present = store.job(PROJECT, job.id)
    assert present is not None
    return present


def ended(store: Store, job: JobRecord) -> JobRecord:
    until(lambda: found(store, job).has_ended)
    return found(store, job)


def test_a_job_is_done_and_its_result_kept_without_any_message(sqlite_store: Store, asked: Any, start: Start):
    start(count=lambda job: {"sum": sum(job.parameters["numbers"])})
    done = ended(sqlite_store, asked(numbers=[1, 2, 3]))
    assert (done.state, done.result) == (JobState.DONE, {"sum": 6})


def test_a_message_makes_a_worker_look_at_once(
    sqlite_store: Store, asked: Any, start: Start, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker_jobs, "LOOK_EVERY_SECONDS", 3600)
    runs = {Pace.QUICK: {}, Pace.LONG: {"count": lambda job: {}}}
    jobs = Jobs(services(sqlite_store, LabelStudio("http://127.0.0.1:9", "key")), runs)
    jobs.start()
    job = asked()
    jobs.look()
    assert ended(sqlite_store, job).state == JobState.DONE
    jobs.stop(patience=10)


def test_a_long_job_does_not_hold_up_a_question(sqlite_store: Store, asked: Any, start: Start):
    go_on = threading.Event()
    start({"ask": lambda job: {"answer": 42}}, count=lambda job: {"waited": go_on.wait(10)})
    long = asked()
    until(lambda: found(sqlite_store, long).state == JobState.RUNNING)
    assert ended(sqlite_store, asked("ask")).result == {"answer": 42}
    assert not found(sqlite_store, long).has_ended
    go_on.set()
    assert ended(sqlite_store, long).result == {"waited": True}


def test_a_job_that_computes_for_minutes_holds_up_no_other(sqlite_store: Store, asked: Any, start: Start):
    go_on = threading.Event()
    start(heavy={"compare": lambda job: {"waited": go_on.wait(10)}}, count=lambda job: {"counted": 3})
    heavy = asked("compare")
    until(lambda: found(sqlite_store, heavy).state == JobState.RUNNING)
    assert ended(sqlite_store, asked()).result == {"counted": 3}
    assert not found(sqlite_store, heavy).has_ended
    go_on.set()
    assert ended(sqlite_store, heavy).result == {"waited": True}


def test_a_stopped_job_ends_at_its_next_report(sqlite_store: Store, asked: Any, start: Start):
    reports: list[int] = []

    def count(job: Job) -> dict[str, Any]:
        while True:
            reports.append(len(reports))
            job.report(len(reports), 0, "counting")
            time.sleep(0.005)

    start(count=count)
    job = asked()
    until(lambda: found(sqlite_store, job).done > 1)
    assert sqlite_store.stop_job(PROJECT, job.id)
    follower = asked()  # the same thread does it, so the first one has ended
    until(lambda: found(sqlite_store, follower).state == JobState.RUNNING)
    assert found(sqlite_store, job).state == JobState.STOPPED
    sqlite_store.stop_job(PROJECT, follower.id)


def test_a_job_that_ends_after_it_was_stopped_stays_stopped(sqlite_store: Store, asked: Any, start: Start):
    go_on = threading.Event()
    start(count=lambda job: {"waited": go_on.wait(10)})
    job = asked()
    until(lambda: found(sqlite_store, job).state == JobState.RUNNING)
    sqlite_store.stop_job(PROJECT, job.id)
    go_on.set()
    assert ended(sqlite_store, asked()).state == JobState.DONE
    assert (found(sqlite_store, job).state, found(sqlite_store, job).result) == (JobState.STOPPED, None)


def test_a_worker_that_is_asked_to_end_leaves_its_job_to_the_next(sqlite_store: Store, asked: Any, start: Start):
    done: list[int] = []

    def count(job: Job) -> dict[str, Any]:
        last = (job.record.checkpoint or {"last": 0})["last"]
        for number in range(last + 1, 101):
            if number == 3 and last == 0:
                until(first._stopped.is_set)
            done.append(number)
            job.report(number, 100, "counting", {"last": number})
        return {"last": 100}

    first = start(count=count)
    job = asked()
    until(lambda: found(sqlite_store, job).done == 2)
    first.stop(patience=10)
    waiting = found(sqlite_store, job)
    assert (waiting.state, waiting.owner, waiting.checkpoint) == (JobState.WAITING, None, {"last": 3})
    start(count=count)
    assert ended(sqlite_store, job).result == {"last": 100}
    assert done == list(range(1, 101)), "nothing was done twice, nothing left out"


def test_jobs_of_a_process_that_was_killed_are_gone_on_with_at_once(
    sqlite_store: Store, asked: Any, start: Start, monkeypatch: pytest.MonkeyPatch
):
    job = asked()
    taken = sqlite_store.take_job(["count"], "here:999999999:abc:1")
    assert taken is not None
    monkeypatch.setattr(worker_jobs, "is_stale", lambda owner: owner.startswith("here:"))
    start(count=lambda job: {"tries": job.record.tries})
    assert ended(sqlite_store, job).result == {"tries": 2}


def test_a_job_in_which_workers_die_again_and_again_is_given_up(sqlite_store: Store, asked: Any, start: Start):
    job = asked()
    for _ in range(MOST_TRIES):
        assert sqlite_store.take_job(["count"], "dead") is not None
        sqlite_store.release_jobs(["dead"])
    start(count=lambda job: pytest.fail("it is not tried again"))
    failed = ended(sqlite_store, job)
    assert failed.state == JobState.FAILED
    assert "memory" in (failed.error or "")


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (JobFailed("There is no model yet."), "There is no model yet."),
        (LabelStudioUnavailable("Label Studio does not respond."), "Label Studio does not respond."),
        (ValueError("7 is none"), "7 is none"),
    ],
)
def test_a_failure_is_told_and_the_worker_goes_on(
    sqlite_store: Store, asked: Any, start: Start, problem: Exception, sentence: str
):
    def fail(job: Job) -> dict[str, Any]:
        raise problem

    start(fail=fail, count=lambda job: {})
    failed = ended(sqlite_store, asked("fail"))
    assert failed.state == JobState.FAILED
    assert sentence in (failed.error or "")
    assert ended(sqlite_store, asked()).state == JobState.DONE


def test_a_result_that_cannot_be_stored_is_a_failure_too(sqlite_store: Store, asked: Any, start: Start):
    start(odd=lambda job: {"result": object()}, count=lambda job: {})
    assert ended(sqlite_store, asked("odd")).state == JobState.FAILED
    assert ended(sqlite_store, asked()).state == JobState.DONE


def test_a_database_that_fails_for_a_while_loses_no_job(
    sqlite_store: Store, asked: Any, start: Start, monkeypatch: pytest.MonkeyPatch
):
    failures = iter([OperationalError("UPDATE", {}, Exception("disk full")), RuntimeError("a row cannot be read")])
    take = sqlite_store.take_job

    def failing(*arguments: Any) -> JobRecord | None:
        for failure in failures:
            raise failure
        return take(*arguments)

    monkeypatch.setattr(sqlite_store, "take_job", failing)
    start(count=lambda job: {})
    assert ended(sqlite_store, asked()).state == JobState.DONE


def test_a_job_of_a_project_that_is_deleted_meanwhile_ends(sqlite_store: Store, asked: Any, start: Start):
    ends: list[str] = []

    def count(job: Job) -> dict[str, Any]:
        try:
            while True:
                job.report(1, 2, "counting")
                time.sleep(0.005)
        finally:
            ends.append("ended")

    start(count=count)
    job = asked()
    until(lambda: found(sqlite_store, job).state == JobState.RUNNING)
    sqlite_store.forget_project(PROJECT)
    until(lambda: ends)
    assert sqlite_store.jobs(PROJECT, ["count"]) == []


def test_a_step_that_takes_long_keeps_its_job(
    sqlite_store: Store, asked: Any, start: Start, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker_jobs, "JOB_SECONDS", 0.03)  # renewed each 0.01 s
    renewed = threading.Event()
    renew = sqlite_store.renew_job

    def count_renewals(*arguments: Any) -> bool:
        renewed.set()
        return renew(*arguments)

    monkeypatch.setattr(sqlite_store, "renew_job", count_renewals)
    start(count=lambda job: {"renewed": renewed.wait(10)})
    assert ended(sqlite_store, asked()).result == {"renewed": True}


def test_answers_that_no_page_fetched_and_what_deleted_projects_left_are_tidied_away(
    sqlite_store: Store, asked: Any, start: Start, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker_jobs, "ANSWERS_KEPT_SECONDS", -1.0)
    old = asked("ask")
    sqlite_store.put_file(99, "map", b"x")
    start({"ask": lambda job: {}})
    until(lambda: sqlite_store.job(PROJECT, old.id) is None and not sqlite_store.files(99))


def test_a_job_that_waits_for_somebody_else_tells_so_and_can_be_stopped(sqlite_store: Store, asked: Any, start: Start):
    def count(job: Job) -> dict[str, Any]:
        job.report(3, 9, "writing")
        job.wait("Label Studio does not respond", 3600)
        return {}

    start(count=count)
    job = asked()
    until(lambda: found(sqlite_store, job).phase == "Label Studio does not respond")
    assert (found(sqlite_store, job).done, found(sqlite_store, job).total) == (3, 9), "the progress stays"
    sqlite_store.stop_job(PROJECT, job.id)
    follower = asked()
    until(lambda: found(sqlite_store, follower).state == JobState.RUNNING)
    sqlite_store.stop_job(PROJECT, follower.id)
