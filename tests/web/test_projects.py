"""Status, settings, metrics and pages, and who may see or change them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from ml_backend.project_settings import (
    ProjectSettings,
    initial_names,
    known_names,
    strategy_names,
    strategy_summaries,
    strategy_uses,
)
from ml_backend.store import Store
from ml_backend.store.learning_records import LabelStudioUse, RunRecord
from ml_backend.store.records import ProjectCounts, TaskRecord
from ml_backend.store.states import BatchState, ProjectState, RunReason

KEY = "label-studio-key"
CONFIG = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t">'
    '<Choice value="a"/><Choice value="b"/></Choices></View>'
)
AUTHORIZED = {"Authorization": f"Token {KEY}"}
SETTINGS = "/projects/7/settings"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_settings_are_read_and_changed_with_the_label_studio_key(connected: FlaskClient, sqlite_store: Store):
    assert connected.get(SETTINGS, headers=AUTHORIZED).json == ProjectSettings().model_dump(mode="json")
    sqlite_store.take_requests(7)
    changed = connected.patch(SETTINGS, json={"strategy": "margin", "batch_size": 9}, headers=AUTHORIZED)
    assert changed.status_code == 200
    assert (changed.json["strategy"], changed.json["batch_size"]) == ("margin", 9)
    assert sqlite_store.take_requests(7) == ["settings"], "a run must be requested at once"
    reset = connected.patch(SETTINGS, json={"batch_size": None}, headers={"Authorization": f"Bearer {KEY}"})
    assert (reset.json["strategy"], reset.json["batch_size"]) == ("margin", 20)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Token wrong"}, {"Authorization": KEY}])
def test_settings_need_credentials(connected: FlaskClient, headers: dict[str, str]):
    for answer in (connected.get(SETTINGS, headers=headers), connected.patch(SETTINGS, json={}, headers=headers)):
        assert answer.status_code == 401
        assert "LABEL_STUDIO_API_KEY" in answer.json["error"]


def test_without_any_secret_configured_nobody_may_change_settings(make_client: Any, sqlite_store: Store):
    sqlite_store.ensure_project(7)
    answer = make_client(label_studio_api_key=None).patch(SETTINGS, json={"strategy": "margin"})
    assert answer.status_code == 401
    assert "BASIC_AUTH_USER" in answer.json["error"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategy": "magic"}, strategy_names()),
        ({"initial": "magic"}, initial_names()),
        ({"stratgey": "badge"}, ["strategy", "initial", "batch_size", "retrain_every", "embedding_model", "control"]),
        ({"batch_size": 0}, ["batch_size"]),
        ({"batch_size": 1.5}, ["batch_size"]),
        ({"retrain_every": "often"}, ["retrain_every"]),
        ({"text_fields": []}, ["text_fields"]),
        ({"text_fields": ["text", " "]}, ["text_fields has an empty name"]),
        ({"text_fields": " , "}, ["text_fields"]),
        ({"control": "nothing"}, ["nothing", "'topic'"]),
        ({"embedding_model": "minilmm"}, ["'minilmm'", "minilm, ", "mpnet", "owner/name"]),
        ({"embedding_model": "minilm:layer9"}, ["layer9"]),
        ({"embedding_model": "tfidf"}, ["fixed list of texts"]),
    ],
)
def test_unknown_names_and_values_are_refused_with_those_that_can_be_used(
    connected: FlaskClient, change: dict[str, Any], words: list[str]
):
    answer = connected.patch(SETTINGS, json=change, headers=AUTHORIZED)
    assert answer.status_code == 400
    assert [word for word in words if word not in answer.json["error"]] == []
    assert connected.get(SETTINGS, headers=AUTHORIZED).json == ProjectSettings().model_dump(mode="json")


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ("text", ["text"]),
        ("text, title", ["text", "title"]),
        ("[text,title]", ["text", "title"]),
        ("['text', 'title']", ["text", "title"]),
        ("turns[0].text,turns[1].text", ["turns[0].text", "turns[1].text"]),
        (["a, b"], ["a, b"]),
    ],
)
def test_fields_of_the_text_may_be_written_with_commas(connected: FlaskClient, written: Any, fields: list[str]):
    answer = connected.patch(SETTINGS, json={"text_fields": written}, headers=AUTHORIZED)
    assert (answer.status_code, answer.json["text_fields"]) == (200, fields)


def test_unknown_projects_are_404(connected: FlaskClient):
    for path in ("/projects/8", "/projects/8/status", "/projects/8/settings"):
        answer = connected.get(path, headers=AUTHORIZED)
        assert answer.status_code == 404
        assert "never connected" in answer.json["error"]


def test_the_status_lists_problems_and_the_next_step(connected: FlaskClient, sqlite_store: Store):
    assert connected.get("/projects/7/status").json["next"].startswith("The tasks were not read yet")
    records = [TaskRecord(7, n, None, "the field 'text' is null") for n in (1, 2)]
    sqlite_store.upsert_tasks(7, records, {})
    status = connected.get("/projects/7/status").json
    assert status["problems"] == [{"task": n, "reason": "the field 'text' is null"} for n in (1, 2)]
    assert status["problem_counts"] == {"the field 'text' is null": 2}
    assert (status["tasks"], status["state"], status["batch"], status["model"]) == (2, "new", None, None)


def test_labels_are_listed_in_the_order_of_the_label_config(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"zebra": 1, "ant": 2}))
    assert list(connected.get("/projects/7/status").json["labels"]) == ["zebra", "ant"]


def test_metrics_count_requests_and_projects(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, counts=ProjectCounts(labeled=3))
    text = connected.get("/metrics").text
    assert 'active_learning_labels{project="7"} 3.0' in text
    assert 'active_learning_requests_total{method="POST",route="/setup",status="200"} 1.0' in text


def test_the_history_is_on_the_page_and_in_the_status(connected: FlaskClient, sqlite_store: Store):
    batch = sqlite_store.plan_batch(7, "badge", "because", None, [3, 1], size=1, random_task_ids=[1])
    sqlite_store.mark_batch(7, batch.number, BatchState.PUBLISHED)
    history = {
        "at": 0.0,
        "batch": 1,
        "version": batch.version,
        "method": "badge",
        "why": "because",
        "labels": 4,
        "reasons": ["labels"],
        "seconds": {"fit": 0.25},
        "label_studio": {"requests": 3, "seconds": 0.5},
        "right": 3,
        "asked": 4,
        "random_right": 1,
        "random_asked": 1,
    }
    values = {**history, "label_studio": LabelStudioUse(3, 0.5)}
    sqlite_store.add_run(RunRecord(project_id=7, **values))
    status = connected.get("/projects/7/status").json
    assert status["runs"] == [history]
    assert (status["seconds"], status["agreement"]["share"]) == ({"fit": 0.25}, 0.75)
    assert status["batch"].keys() == {
        *("number", "project_id", "version", "method", "why", "head_version", "task_ids", "size", "state"),
        *("created_at", "published_at", "reserve", "remaining"),
    }
    page = connected.get("/projects/7/quality", headers=BROWSER).text
    assert "Of the last 4 new labels 3 (75%) are the prediction that the annotator was shown." in page
    assert 'active_learning_last_run_seconds{project="7",step="fit"} 0.25' in connected.get("/metrics").text


STATES: list[tuple[dict[str, Any], str]] = [
    ({"state": "new"}, "starting"),
    ({"state": "ready", "phase": "up to date"}, "ready"),
    ({"state": "ready", "phase": "embedding: 300 texts to go, about 20 s"}, "300 texts to go"),
    ({"state": "waiting", "error": "Label Studio does not answer"}, "the backend tries again"),
    ({"state": "failed", "error": "KeyError"}, "failed, trying again"),
    ({"state": "unsupported", "error": "no control"}, "Change the labeling interface"),
    ({"state": "missing", "error": "no project 7"}, "still exists"),
    ({"state": "disconnected", "error": "no ML backend"}, "Connect it again"),
]


@pytest.mark.parametrize(("changes", "words"), STATES, ids=[words for _, words in STATES])
def test_the_page_shows_every_state_with_its_remedy(
    connected: FlaskClient, sqlite_store: Store, changes: dict[str, Any], words: str
):
    sqlite_store.update_project(7, title="<b>Messages</b>", **changes)
    for path in ("/projects/7", "/projects", "/"):
        page = connected.get(path, headers=BROWSER)
        assert page.status_code == 200
        assert "&lt;b&gt;Messages" in page.text
        assert "<b>Messages" not in page.text
    page = connected.get("/projects/7", headers=BROWSER)
    assert words in page.text
    assert changes.get("error", "") in page.text


def test_a_project_with_work_that_waits_is_not_called_up_to_date(connected: FlaskClient, sqlite_store: Store):
    for phase, said in (("up to date", ""), ("embedding: 9 texts left", "embedding: 9 texts left · ")):
        sqlite_store.update_project(7, state=ProjectState.READY, phase=phase)
        sqlite_store.request_run(7, RunReason.LABELS)
        assert f'"phase">{said}a run is waiting for its turn<' in connected.get("/projects/7", headers=BROWSER).text


def test_the_page_explains_each_strategy_and_when_to_choose_it(connected: FlaskClient):
    page = connected.get("/projects/7/strategy", headers=BROWSER).text
    for name in strategy_names():
        for words in (f"<code>{name}</code>", escape(strategy_summaries()[name]), escape(strategy_uses()[name])):
            assert words in page


def test_the_form_has_every_setting_and_sends_its_numbers_as_numbers(connected: FlaskClient):
    page = connected.get("/projects/7/strategy", headers=BROWSER).text
    assert set(re.findall(r'<(?:input|select|textarea) name="(\w+)"', page)) == set(known_names()) - {"strategy"}
    numbers = re.findall(r'<input name="(\w+)" type="number"', page)
    with connected.get("/static/page.js") as script:
        assert re.search(r"const NUMBERS = new Set\((.*)\);", script.text)[1] == json.dumps(numbers)
    assert 'value="None"' not in page, "a setting that is off must be an empty field"


def test_links_to_label_studio_use_its_public_address(make_client: Any, sqlite_store: Store):
    sqlite_store.ensure_project(7)
    inside = {"label_studio_url": "http://label-studio:8080"}
    assert "http://label-studio:8080/projects/7/data" in make_client(**inside).get("/projects/7", headers=BROWSER).text
    public = make_client(**inside, label_studio_public_url="https://labels.example/").get(
        "/projects/7", headers=BROWSER
    )
    assert "https://labels.example/projects/7/data" in public.text
    assert "label-studio:8080" not in public.text


@pytest.mark.parametrize(
    "model",
    ["minilm", "minilm:layer3", "mpnet", "BAAI/bge-m3:bf16:max256", "/models/ours", "./ours", "/data/vectors.parquet"],
)
def test_an_embedding_model_that_may_exist_is_accepted(connected: FlaskClient, model: str):
    answer = connected.patch(SETTINGS, json={"embedding_model": model}, headers=AUTHORIZED)
    assert (answer.status_code, answer.json["embedding_model"]) == (200, model)


def test_a_stored_embedding_model_is_kept_when_something_else_changes(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, settings={"embedding_model": "all-mpnet-base-v2"})
    answer = connected.patch(SETTINGS, json={"batch_size": 9}, headers=AUTHORIZED)
    assert (answer.status_code, answer.json["embedding_model"]) == (200, "all-mpnet-base-v2")


def test_unknown_embedding_models_are_refused_in_the_connect_form(web: FlaskClient):
    params = json.dumps({"embedding_model": "minilmm"})
    answer = web.post("/setup", json={"project": "9.1", "schema": CONFIG, "extra_params": params})
    assert answer.status_code == 400
    assert "'minilmm'" in answer.json["error"]


def test_changed_settings_wake_a_worker_even_if_a_run_is_requested_already(
    connected: FlaskClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    woken: list[int] = []
    monkeypatch.setattr("ml_backend.worker.queue.TaskQueue.wake_worker", lambda _queue, project: woken.append(project))
    sqlite_store.request_run(7, RunReason.EVERY_MINUTE)
    connected.patch(SETTINGS, json={"embedding_model": "mpnet"}, headers=AUTHORIZED)
    assert woken == [7]
