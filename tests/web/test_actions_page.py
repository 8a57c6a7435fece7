"""The page Actions: who sees what, what can be started, what is said of jobs, and pausing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import evaluations
import pytest
from flask.testing import FlaskClient
from signing_in import BROWSER, form_token, sign_in

from ml_backend.pipeline.evaluation_words import gain_sentence
from ml_backend.store import Store
from ml_backend.store.job_records import file_of_job
from ml_backend.store.learning_records import LabelStudioUse, RunRecord
from ml_backend.store.records import ProjectCounts
from ml_backend.store.states import JobState, RunReason

NASTY = '<script>alert(1)</script>" onmouseover="x'
PAGE = "/projects/7/actions"
KEPT = ((0.0, 9700, 0.17), (0.9, 8210, 0.041), (0.99, 0, None))


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    counts = ProjectCounts(labels={"bug": 200, "praise": 100}, labeled=300, open=9700, tasks=10000, copies_to_label=3)
    sqlite_store.ensure_project(7, title="Messages", counts=counts, text_source="text t")
    sqlite_store.report_worker("worker")
    return sqlite_store


@pytest.fixture
def reader(store: Store, web: FlaskClient) -> Callable[[], str]:
    """The page as somebody sees it who has not signed in."""
    return lambda: web.get(PAGE, headers=BROWSER).text


@pytest.fixture
def person(store: Store, locked: FlaskClient) -> FlaskClient:
    """A person who signed in."""
    assert sign_in(locked, user="ann", password="pässword").status_code == 303
    return locked


def shown(client: FlaskClient) -> str:
    answer = client.get(PAGE, headers=BROWSER)
    assert answer.status_code == 200
    return answer.text


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def press(client: FlaskClient, path: str, **fields: str) -> Any:
    return client.post(path, data={"csrf_token": form_token(client, PAGE), **fields}, headers=BROWSER)


def ended(store: Store, kind: str, state: JobState, result: Any = None, error: str | None = None) -> int:
    job = store.add_job(7, kind, {}, f"Ann {NASTY}")
    store.take_job([kind], "worker")
    store.end_job(job.id, "worker", state, result, error)
    return job.id


def predicted(**changes: Any) -> dict[str, Any]:
    """The result of a job that predicted all open texts above 90 %."""
    table = [
        {"above": a, "kept": n, "wrong": w} for a, n, w in ((0.0, 9700, 0.17), (0.9, 8210, 0.041), (0.99, 0, None))
    ]
    base = {"head": "v1", "labels": 300, "open": 9700, "without_vector": 0, "table": table}
    return base | {"above": 0.9, "written": 8210, "wrong": 0.041} | changes


def test_readers_see_what_there_is_and_no_button_or_name(reader: Callable[[], str], store: Store):
    ended(store, "predict_all", JobState.DONE, predicted())
    html = reader()
    assert "<button" not in html.split("<main")[1]
    assert "sign in" in html
    assert "Ann" not in words(html).replace("Annotation", "")
    assert "8,210 predictions were written" in words(html)


def test_each_action_has_a_button_and_a_command(person: FlaskClient, store: Store):
    evaluations.put(store, 7, [evaluations.body("v1")])
    html = shown(person)
    for route in ("train", "pause", "jobs/predict_all", "jobs/count_predictions", "jobs/remove_predictions",
                  "jobs/export_model", "jobs/label_copies"):  # fmt: skip
        assert f'action="/projects/7/{route}"' in html, route
    for command in ("train 7", "pause 7", "predict 7 --all", "export 7", "label-copies 7", "evaluate 7"):
        assert f"python -m ml_backend {command}" in html, command


def test_a_choice_in_the_form_starts_the_job(person: FlaskClient, store: Store):
    done = press(
        person, "/projects/7/jobs/predict_all", to="csv", above="0.9", with_texts="on", view="actions", at="jobs"
    )
    assert (done.status_code, done.location) == (303, f"{PAGE}#jobs")
    (job,) = store.jobs(7, ["predict_all"])
    assert job.parameters == {"to": "csv", "above": 0.9, "with_texts": True}
    assert "Waits for a worker" in words(shown(person))
    refused = press(person, "/projects/7/jobs/label_copies")
    assert refused.status_code == 400, "without the tick nothing is written into Label Studio"
    assert store.jobs(7, ["label_copies"]) == []


def test_why_a_job_failed_is_for_people_by_name_since_it_may_quote_a_text(
    reader: Callable[[], str], web: FlaskClient, store: Store
):
    for kind in ("label_copies", "compare_strategies"):
        ended(store, kind, JobState.FAILED, error="could not read 'my secret text'")
    for html in (reader(), web.get("/projects/7/strategy", headers=BROWSER).text):
        assert "secret" not in html
        assert "sign in to read why" in html


def test_progress_errors_results_and_files_are_shown(person: FlaskClient, store: Store):
    going = store.add_job(7, "export_model", {}, "Ann")
    store.take_job(["export_model"], "worker")
    store.report_job(going.id, "worker", 3, 8, "storing the file")
    failed = ended(store, "label_copies", JobState.FAILED, error=f"Label Studio says {NASTY}")
    done = ended(store, "predict_all", JobState.DONE, predicted(version=f"all open texts {NASTY}"))
    store.put_file(7, file_of_job(done), b"x", {"name": "x.csv", "type": "text/csv"})
    html = shown(person)
    assert "storing the file: 3 of 8" in words(html)
    assert '<progress max="8" value="3"' in html
    assert f'action="/projects/7/jobs/{going.id}/stop"' in html
    assert f'action="/projects/7/jobs/{failed}/stop"' not in html
    assert f'href="/projects/7/jobs/{done}/file"' in html
    assert "about 4% of them are expected to be wrong" in words(html)
    assert NASTY not in html
    assert "<script>alert" not in html
    assert "Label Studio says &lt;script&gt;" in html
    store.drop_files(7, "jobs/")
    assert "/file" not in shown(person), "what is kept no longer cannot be downloaded"


def test_the_table_helps_to_choose_and_says_when_it_is_of_an_earlier_model(person: FlaskClient, store: Store):
    evaluations.put(store, 7, [evaluations.body("v1")])
    ended(store, "count_predictions", JobState.DONE, predicted())
    table = words(shown(person))
    assert "any 9,700 17% 90% or more 8,210 4%" in table
    assert "99% or more 0" not in table
    assert "by an earlier model" not in table
    evaluations.put(store, 7, [evaluations.body("v2")])
    assert "by an earlier model: count again" in words(shown(person))


def test_pausing_is_told_on_every_page_and_taken_back(person: FlaskClient, store: Store):
    assert press(person, "/projects/7/pause").location == f"{PAGE}#pause"
    project = store.project(7)
    assert project is not None
    assert project.paused_by == "basic auth user ann"
    assert project.paused_at == pytest.approx(time.time(), abs=60)
    press(person, "/projects/7/pause")
    again = store.project(7)
    assert again is not None
    assert again.paused_at == project.paused_at, "who paused it first is told"
    for view in ("", "/quality", "/actions", "/details"):
        html = words(person.get(f"/projects/7{view}", headers=BROWSER).text)
        assert "This project is paused by basic auth user ann" in html, view
    status = person.get("/projects/7/status").json
    assert status["next"].startswith("The project is paused")
    assert 'action="/projects/7/resume"' in shown(person)
    store.take_requests(7)
    press(person, "/projects/7/resume")
    assert store.take_requests(7) == [RunReason.REQUESTED], "the next run learns from the labels given meanwhile"
    assert "is paused by" not in words(shown(person))


def test_who_paused_a_project_is_told_to_people_by_name_only(reader: Callable[[], str], store: Store, web: FlaskClient):
    store.update_project(7, paused_at=time.time(), paused_by="Ann")
    assert "This project is paused , since" in words(reader()).replace("paused,", "paused ,")
    assert "Ann" not in str(web.get("/projects/7/status").json["paused_by"])


def test_training_is_asked_for_and_shown_as_done_once_a_run_ended(person: FlaskClient, store: Store):
    assert press(person, "/projects/7/train").location == f"{PAGE}#train"
    assert "A run is going on" in words(shown(person))
    assert store.take_requests(7) == [RunReason.TRAINING]
    run = RunRecord(
        7, time.time(), 3, "v", "margin", "asked", 300, [RunReason.TRAINING], {}, LabelStudioUse(1, 0.1), 0, 0, 0, 0
    )
    store.add_run(run)
    assert "from 300 labels" in words(shown(person))


def test_stopping_is_explained_by_the_evaluation(person: FlaskClient, store: Store):
    assert "Nothing can be said yet" in words(shown(person))
    body = evaluations.body("v1")
    evaluations.put(store, 7, [body])
    said = words(shown(person))
    assert gain_sentence(body) in said
    assert "9,700 tasks are open" in said
    assert "83% of the open texts are predicted right" in said


@pytest.mark.parametrize(
    ("labels", "forecast", "n_open", "sentence"),
    [
        (300, {"labels": 100, "low": 34, "high": 300}, 9700, "100 more labels would bring about 1 point of accuracy "
                                                             "(could be 0.4 or 2.7): that is what stopping now costs."),
        (300, {"labels": 50, "low": 17, "high": 150}, 40, "40 more labels would bring about 0.8 points of accuracy "
                                                          "(could be 0.3 or 2.3): that is what stopping now costs."),
        (300, {"labels": 100, "low": 34, "high": 300}, 0, ""),
        (300, None, 9700, ""),
    ],
)  # fmt: skip
def test_what_further_labels_would_bring_follows_from_the_forecast(
    labels: int, forecast: Any, n_open: int, sentence: str
):
    assert gain_sentence({"labels": labels, "forecast": forecast, "open": n_open}) == sentence


def test_jobs_are_in_the_metrics(locked: FlaskClient, store: Store):
    ended(store, "export_model", JobState.FAILED, error="no space")
    text = locked.get("/metrics", auth=("ann", "pässword")).text
    assert 'active_learning_jobs{kind="export_model",state="failed"} 1.0' in text


def test_a_job_without_a_worker_says_so(person: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch):
    store.add_job(7, "export_model", {}, "Ann")
    assert not person.get("/projects/7/status").json["worker_missing"]
    monkeypatch.setattr("ml_backend.web.page_parts.status.worker_missing", lambda _store: True)
    assert person.get("/projects/7/status").json["worker_missing"]
