"""Jobs by HTTP: who starts them, how a form returns, stopping, the file, and questions that wait for a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from signing_in import BROWSER, form_token, sign_in

from ml_backend.pipeline.job_kinds import KINDS, JobKind, Pace
from ml_backend.pipeline.job_parameters import WrongParameters
from ml_backend.store import Store
from ml_backend.store.job_records import file_of_job
from ml_backend.store.states import JobState
from ml_backend.web import questions
from ml_backend.web.bodies import BadRequest

AUTH = ("ann", "pässword")
PROJECT = 7


def parse(given: Any) -> dict[str, Any]:
    if "n" not in given:
        raise WrongParameters("`n` is missing.")
    return {"n": int(given["n"])}


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "count", JobKind("Count", parse=parse))
    monkeypatch.setitem(KINDS, "ask", JobKind("Ask", Pace.QUICK))
    monkeypatch.setattr("ml_backend.web.project_routes.jobs.LONG_KINDS", ["count"])


@pytest.fixture
def client(locked: FlaskClient, sqlite_store: Store) -> FlaskClient:
    """The application with basic auth, and a project."""
    sqlite_store.ensure_project(PROJECT)
    sqlite_store.ensure_project(8)
    return locked


@pytest.fixture
def person(client: FlaskClient) -> Callable[..., Any]:
    """Sends a form as somebody who signed in does."""
    assert sign_in(client, user=AUTH[0], password=AUTH[1]).status_code == 303
    token = form_token(client)
    return lambda path, **fields: client.post(path, data={"csrf_token": token, **fields}, headers=BROWSER)


def test_a_job_is_started_shown_and_stopped(client: FlaskClient, sqlite_store: Store):
    started = client.post("/projects/7/jobs/count", json={"n": "3"}, auth=AUTH)
    assert started.status_code == 202
    assert (started.json["title"], started.json["parameters"], started.json["state"]) == ("Count", {"n": 3}, "waiting")
    assert not {"owner", "until", "checkpoint", "tries"} & started.json.keys()
    address = f"/projects/7/jobs/{started.json['id']}"
    assert sqlite_store.take_job(["count"], "worker") is not None
    sqlite_store.report_job(started.json["id"], "worker", 1, 3, "counting")
    shown = client.get(address, auth=AUTH).json
    assert (shown["state"], shown["done"], shown["total"], shown["phase"]) == ("running", 1, 3, "counting")
    assert client.post(f"{address}/stop", json={}, auth=AUTH).status_code == 200
    assert client.get(address, auth=AUTH).json["state"] == "stopped"
    assert client.get(f"/projects/8/jobs/{started.json['id']}", auth=AUTH).status_code == 404


def test_two_clicks_start_one_job_and_another_choice_a_second_one(client: FlaskClient, sqlite_store: Store):
    first, again, other = (client.post("/projects/7/jobs/count", json={"n": n}, auth=AUTH).json for n in (3, 3, 4))
    assert first["id"] == again["id"] != other["id"]
    assert len(sqlite_store.jobs(PROJECT, ["count"])) == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/projects/7/jobs/count", {}, 400, "`n` is missing"),
        ("/projects/7/jobs/dance", {}, 404, "there are: count"),
        ("/projects/7/jobs/ask", {}, 404, "there are: count"),
        ("/projects/99/jobs/count", {"n": 1}, 404, "never connected"),
    ],
)
def test_a_job_that_cannot_be_started_says_why(
    client: FlaskClient, sqlite_store: Store, path: str, body: dict[str, Any], status: int, words: str
):
    answer = client.post(path, json=body, auth=AUTH)
    assert answer.status_code == status
    assert words in answer.json["error"]
    assert sqlite_store.jobs(PROJECT, ["count", "ask"]) == []


def test_a_form_returns_to_the_page_that_it_came_from(person: Callable[..., Any], sqlite_store: Store):
    done = person("/projects/7/jobs/count", n="3", view="strategy", at="comparison")
    assert (done.status_code, done.location) == (303, "/projects/7/strategy#comparison")
    (job,) = sqlite_store.jobs(PROJECT, ["count"])
    assert job.who == f"basic auth user {AUTH[0]}"
    assert person(f"/projects/7/jobs/{job.id}/stop", view="https://evil.example").location == "/projects/7/actions"
    assert sqlite_store.jobs(PROJECT, ["count"])[0].state == JobState.STOPPED


def test_a_file_is_sent_part_by_part_under_its_own_name(client: FlaskClient, sqlite_store: Store):
    job = sqlite_store.add_job(PROJECT, "count", {}, "Ann")
    address = f"/projects/7/jobs/{job.id}/file"
    name = file_of_job(job.id)
    about = {"name": "predictions – 7.csv", "type": "text/csv; charset=utf-8"}
    sqlite_store.put_part(PROJECT, name, 0, b"first,", about)
    sqlite_store.put_part(PROJECT, name, 1, b"second")
    sqlite_store.put_file(PROJECT, f"{name}.other", b"not this one", about)
    sqlite_store.take_job(["count"], "worker")
    assert client.get(address, auth=AUTH).status_code == 404, "it is not whole yet"
    sqlite_store.end_job(job.id, "worker", JobState.DONE, {})
    sent = client.get(address, auth=AUTH)
    assert sent.data == b"first,second"
    assert sent.headers["Content-Length"] == "12"
    assert sent.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert sent.headers["Content-Disposition"].startswith("attachment; filename=")
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    sqlite_store.drop_files(PROJECT, name)
    gone = client.get(address, auth=AUTH)
    assert (gone.status_code, "Start it again" in gone.json["error"]) == (404, True)


def asked(client: FlaskClient, wait: float = 5.0) -> Any:
    with client.application.test_request_context():
        return questions.ask(PROJECT, "ask", {}, "Ann", wait)


@pytest.fixture
def answering(sqlite_store: Store) -> Callable[..., threading.Thread]:
    """Ends the next question as a worker does; state, result and error of `end_job`."""

    def answer(*ending: Any) -> threading.Thread:
        def work() -> None:
            deadline = time.monotonic() + 5
            while (job := sqlite_store.take_job(["ask"], "worker")) is None and time.monotonic() < deadline:
                time.sleep(0.002)
            if job is not None and ending:
                sqlite_store.end_job(job.id, "worker", *ending)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    return answer


def test_a_question_waits_for_its_answer_and_leaves_nothing(
    client: FlaskClient, sqlite_store: Store, answering: Callable[..., threading.Thread]
):
    worker = answering(JobState.DONE, {"tasks": [1, 2]})
    assert asked(client) == {"tasks": [1, 2]}
    worker.join()
    assert sqlite_store.jobs(PROJECT, ["ask"]) == []


def test_what_a_worker_cannot_answer_is_said(client: FlaskClient, answering: Callable[..., threading.Thread]):
    worker = answering(JobState.FAILED, None, "No text is embedded yet.")
    with pytest.raises(BadRequest, match="No text is embedded yet"):
        asked(client)
    worker.join()


@pytest.mark.parametrize(("is_taken", "words"), [(False, "look whether one runs"), (True, "needs more than")])
def test_a_question_without_an_answer_in_time_is_taken_back(
    client: FlaskClient,
    sqlite_store: Store,
    answering: Callable[..., threading.Thread],
    is_taken: bool,
    words: str,
):
    worker = answering() if is_taken else None
    with pytest.raises(BadRequest, match=words) as refused:
        asked(client, 0.3)
    assert refused.value.status == 503
    assert sqlite_store.take_job(["ask"], "late worker") is None, "nobody waits for it any more"
    if worker:
        worker.join()


def test_a_question_of_a_project_that_is_deleted_meanwhile_ends(client: FlaskClient, sqlite_store: Store):
    timer = threading.Timer(0.05, sqlite_store.forget_project, [PROJECT])
    timer.start()
    with pytest.raises(BadRequest, match="deleted"):
        asked(client)
    timer.join()


def test_threads_that_wait_for_answers_leave_some_for_label_studio(client: FlaskClient):
    context = client.application.extensions["active_learning"]
    places = 0
    while context.waiting.acquire(blocking=False):
        places += 1
    assert places < context.settings.threads
    with pytest.raises(BadRequest, match="Too many pages") as refused:
        asked(client)
    assert refused.value.status == 503
    for _ in range(places):
        context.waiting.release()


def test_threads_that_wait_for_a_place_leave_some_for_label_studio_too(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ml_backend.web.questions.PLACE_SECONDS", 3600.0)
    context = client.application.extensions["active_learning"]
    taken = []
    for limit in (context.waiting, context.entering):
        while limit.acquire(blocking=False):
            taken.append(limit)
    assert len(taken) < context.settings.threads
    with pytest.raises(BadRequest, match="Too many pages"):
        asked(client)
    for limit in taken:
        limit.release()
