"""Jobs in the database: who does which, what a restart finds, and what is deleted."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ml_backend.store import Store
from ml_backend.store import jobs as jobs_module
from ml_backend.store.job_records import files_of_job
from ml_backend.store.jobs import JOBS_KEPT, JOBS_WITH_FILES
from ml_backend.store.states import DoubtKind, JobState

KIND = "predict"


@pytest.fixture
def project(store: Store) -> int:
    store.ensure_project(7)
    return 7


def ended(store: Store, project: int, kind: str = KIND) -> int:
    """A job that was done, with a file."""
    job = store.add_job(project, kind, {}, "Ann")
    assert store.take_job([kind], "worker") is not None
    store.put_part(project, f"{files_of_job(job.id)}file", 0, b"content")
    assert store.end_job(job.id, "worker", JobState.DONE, {"n": job.id})
    return job.id


def test_a_job_is_asked_for_taken_reported_and_ended(store: Store, project: int):
    job = store.add_job(project, KIND, {"above": 0.9}, "Ann")
    assert job == store.job(project, job.id)
    taken = store.take_job([KIND, "other"], "worker")
    assert taken is not None
    assert (taken.id, taken.state, taken.parameters, taken.tries) == (job.id, JobState.RUNNING, {"above": 0.9}, 1)
    assert store.report_job(job.id, "worker", 20, 100, "predicting", {"last": 20})
    assert store.end_job(job.id, "worker", JobState.DONE, {"kept": 9})
    found = store.job(project, job.id)
    assert found is not None
    assert (found.done, found.total, found.phase, found.checkpoint) == (20, 100, "predicting", {"last": 20})
    assert (found.state, found.result, found.has_ended) == (JobState.DONE, {"kept": 9}, True)
    assert store.take_job([KIND], "worker") is None
    assert store.job(project + 1, job.id) is None, "a job is found in its own project only"


def test_jobs_are_taken_in_the_order_in_which_they_were_asked_for_and_by_kind(store: Store, project: int):
    first, other, second = (store.add_job(project, kind, {}, "Ann").id for kind in (KIND, "other", KIND))
    taken = [store.take_job([KIND], "worker") for _ in range(3)]
    assert [job.id if job else None for job in taken] == [first, second, None]
    assert [job.id for job in store.jobs(project, [KIND, "other"])] == [second, other, first]


def test_of_many_workers_each_job_has_one(store: Store, project: int):
    wanted = {store.add_job(project, KIND, {}, "Ann").id for _ in range(12)}
    start = threading.Barrier(4)

    def take(worker: int) -> list[int]:
        start.wait()
        taken = []
        while len(taken) < 12 and (job := store.take_job([KIND], f"worker {worker}")) is not None:
            taken.append(job.id)
        return taken

    with ThreadPoolExecutor(4) as threads:
        taken = [number for of_worker in threads.map(take, range(4)) for number in of_worker]
    # Where rows are locked by others, one worker may find none although some are left; they are found the next time.
    taken += take_all(store)
    assert sorted(taken) == sorted(wanted)


def take_all(store: Store) -> list[int]:
    taken = []
    while (job := store.take_job([KIND], "last")) is not None:
        taken.append(job.id)
    return taken


def test_the_same_request_finds_the_first_also_at_the_same_moment(store: Store, project: int):
    start = threading.Barrier(4)

    def ask(kind: str) -> int:
        start.wait()
        job = store.add_only_job(project, kind, {}, "Ann")
        assert job is not None
        return job.id

    with ThreadPoolExecutor(4) as threads:
        for kind in ("first", "second", "third", "fourth", KIND):  # later ones find open connections, and are closer
            assert len(set(threads.map(ask, [kind] * 4))) == 1, kind
    for kind, parameters in (("other", {}), (KIND, {"above": 0.9})):
        assert store.add_only_job(project, kind, parameters, "Ann") is not None
    assert len(store.jobs(project, [KIND, "other"])) == 3, "one of another kind and one with other parameters"
    store.stop_job(project, store.jobs(project, [KIND])[-1].id)
    assert store.add_only_job(project, KIND, {}, "Ann") is not None
    assert len(store.jobs(project, [KIND])) == 3, "a job that has ended is no obstacle"
    assert store.add_only_job(99, KIND, {}, "Ann") is None, "there is no such project"


def test_a_job_whose_worker_died_is_taken_again_with_its_checkpoint(
    store: Store, project: int, monkeypatch: pytest.MonkeyPatch
):
    store.add_job(project, KIND, {}, "Ann")
    monkeypatch.setattr(jobs_module, "JOB_SECONDS", -1.0)  # its claim has run out at once
    first = store.take_job([KIND], "dead")
    assert first is not None
    store.report_job(first.id, "dead", 5, 9, "half", {"last": 5})
    monkeypatch.undo()
    second = store.take_job([KIND], "alive")
    assert second is not None
    assert (second.id, second.checkpoint, second.tries) == (first.id, {"last": 5}, 2)
    assert second.started_at == first.started_at, "people see when it began, not when it went on"
    assert store.take_job([KIND], "third") is None
    # The first one was only frozen: whatever it does now has no effect.
    assert not store.report_job(first.id, "dead", 9, 9, "all")
    assert not store.renew_job(first.id, "dead")
    assert not store.end_job(first.id, "dead", JobState.DONE)
    assert store.end_job(first.id, "alive", JobState.DONE)


def test_a_renewed_job_is_left_to_its_worker(store: Store, project: int, monkeypatch: pytest.MonkeyPatch):
    store.add_job(project, KIND, {}, "Ann")
    monkeypatch.setattr(jobs_module, "JOB_SECONDS", -1.0)
    job = store.take_job([KIND], "slow")
    assert job is not None
    monkeypatch.undo()
    assert store.renew_job(job.id, "slow")
    assert store.take_job([KIND], "other") is None


def test_tries_are_counted_from_checkpoint_to_checkpoint(store: Store, project: int):
    store.add_job(project, KIND, {}, "Ann")

    def tries() -> int:
        job = store.take_job([KIND], "worker")
        assert job is not None
        return job.tries

    assert tries() == 1
    store.release_jobs(["worker"])  # it has died
    assert tries() == 2
    job = store.jobs(project, [KIND])[0]
    store.put_back_job(job.id, "worker")  # it was asked to end
    assert tries() == 2
    store.report_job(job.id, "worker", 1, 2, "half", {"last": 1})
    store.release_jobs(["worker"])
    assert tries() == 2, "it had come further, so this is the second try from there"


def test_only_jobs_of_the_released_owners_are_free(store: Store, project: int):
    jobs = [store.add_job(project, KIND, {}, "Ann").id for _ in range(2)]
    store.take_job([KIND], "dead")
    store.take_job([KIND], "alive")
    assert sorted(store.job_owners()) == ["alive", "dead"]
    store.release_jobs(["dead"])
    taken = store.take_job([KIND], "new")
    assert taken is not None
    assert taken.id == jobs[0]
    assert store.take_job([KIND], "new") is None


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_stopped_job_is_not_gone_on_with(store: Store, project: int, is_taken: bool):
    job = store.add_job(project, KIND, {}, "Ann")
    if is_taken:
        store.take_job([KIND], "worker")
    assert not store.stop_job(project + 1, job.id), "of another project"
    assert store.stop_job(project, job.id)
    assert not store.stop_job(project, job.id), "it has ended"
    assert not store.report_job(job.id, "worker", 1, 2, "on")
    assert not store.end_job(job.id, "worker", JobState.DONE, {})
    assert store.take_job([KIND], "worker") is None
    found = store.job(project, job.id)
    assert found is not None
    assert (found.state, found.result) == (JobState.STOPPED, None)


def test_old_jobs_of_a_kind_are_deleted_and_files_sooner(store: Store, project: int):
    store.ensure_project(8)
    elsewhere, other_kind = ended(store, 8), ended(store, project, "other")
    going_on = store.add_job(project, KIND, {}, "Ann").id
    store.take_job([KIND], "another worker")
    numbers = [ended(store, project) for _ in range(JOBS_KEPT + 2)]
    kept = [job.id for job in store.jobs(project, [KIND], limit=100)]
    assert kept == [*numbers[:1:-1], going_on]
    files = {file.name for file in store.files(project)}
    assert files == {f"{files_of_job(n)}file" for n in (*numbers[-JOBS_WITH_FILES:], other_kind)}
    assert [file.name for file in store.files(8)] == [f"{files_of_job(elsewhere)}file"]
    # Stopping counts as ending, too.
    assert store.stop_job(project, going_on)
    assert len(store.jobs(project, [KIND], limit=100)) == JOBS_KEPT


def test_files_of_a_job_are_not_those_of_another_whose_number_begins_alike(store: Store, project: int):
    names = [f"{files_of_job(n)}file" for n in (1, 10)]
    for name in names:
        store.put_file(project, name, b"x")
    store.drop_files(project, files_of_job(1))
    assert [file.name for file in store.files(project)] == names[1:]


def test_what_is_written_while_a_project_is_deleted_does_not_stay(store: Store, project: int):
    store.ensure_project(8)
    store.put_file(8, "map", b"x")
    store.add_job(8, KIND, {}, "Ann")
    job = store.add_job(project, KIND, {}, "Ann")
    store.take_job([KIND], "worker")
    store.forget_project(project)
    assert not store.report_job(job.id, "worker", 1, 2, "on"), "so the worker stops"
    store.put_part(project, f"{files_of_job(job.id)}file", 0, b"late")
    store.add_job(project, KIND, {}, "Ann")
    store.request_tasks(project, [1], "Ann", "search")
    store.dismiss(project, DoubtKind.LABEL, 1, "a", "Ann")
    store.delete_work_of_deleted_projects()
    assert (store.requested_tasks(project), store.dismissals(project, DoubtKind.LABEL)) == ({}, {})
    assert (store.files(project), store.jobs(project, [KIND])) == ([], [])
    assert (len(store.files(8)), len(store.jobs(8, [KIND]))) == (1, 1)


def test_jobs_are_counted_by_kind_and_state(store: Store, project: int):
    ended(store, project)
    store.add_job(project, KIND, {}, "Ann")
    store.add_job(project, "other", {}, "Ann")
    assert store.job_counts() == {(KIND, "done"): 1, (KIND, "waiting"): 1, ("other", "waiting"): 1}


def test_answers_that_nobody_waits_for_are_forgotten(store: Store, project: int):
    old, kept = store.add_job(project, KIND, {}, "Ann"), store.add_job(project, "other", {}, "Ann")
    store.delete_jobs_before(old.requested_at + 60, [KIND])
    assert (store.job(project, old.id), store.job(project, kept.id)) == (None, kept)
    store.delete_jobs_before(kept.requested_at - 1, ["other"])
    assert store.job(project, kept.id) is not None


def test_a_file_of_many_parts_is_read_in_order_and_replaced_part_by_part(store: Store, project: int):
    for part in (2, 0, 1):
        store.put_part(project, "big", part, f"{part},".encode(), {"rows": 3} if part == 0 else None)
    store.put_part(project, "big", 1, b"one,")
    assert store.file_content(project, "big") == b"0,one,2,"
    (file,) = store.files(project, "bi")
    assert (file.name, file.size, file.about) == ("big", 8, {"rows": 3})
    store.put_file(project, "big", b"small")
    assert store.file_content(project, "big") == b"small"
    assert store.file_content(project, "none") is None
    assert store.files(project, "b%") == []
