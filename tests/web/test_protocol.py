"""The routes that Label Studio calls, with the bodies that it sends and with malformed ones."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from ml_backend.labelstudio.texts import text_hash
from ml_backend.learning import Head
from ml_backend.learning.head.files import to_bytes
from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, HeadRecord

PROJECT = "7.1795470497"
CONFIG = (
    '<View><Text name="message" value="$text"/><Choices name="topic" toName="message">'
    '<Choice value="bug"/><Choice value="praise"/></Choices></View>'
)


def setup_body(**changes: Any) -> dict[str, Any]:
    return {"project": PROJECT, "schema": CONFIG, "hostname": "", "access_token": "x", "extra_params": None, **changes}


def with_head(store: Store, version: str = "head of 4 labels") -> str:
    """Give project 7 a head that separates two directions; returns its version."""
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 1]]
    head = Head().fit(vectors, np.array([0, 0, 1, 1]), 2)
    record = HeadRecord(
        version=version,
        project_id=7,
        classes=["bug", "praise"],
        multi_label=False,
        embedding_model="tiny",
        n_labels=4,
        blob=to_bytes(head),
        metrics=Agreement(),
        created_at=time.time(),
    )
    store.put_head(record)
    return record.version


@pytest.mark.parametrize("path", ["/health", "/"])
def test_health_answers_without_credentials(locked: FlaskClient, path: str):
    answer = locked.get(path)
    assert answer.status_code == 200
    assert answer.json == {"status": "UP", "model_class": "ActiveLearning"}


def test_setup_stores_the_project_and_requests_one_run(connected: FlaskClient, sqlite_store: Store):
    project = sqlite_store.project(7)
    assert project is not None
    assert project.label_config == CONFIG
    assert sqlite_store.take_requests(7) == ["setup"]
    again = connected.post("/setup", json=setup_body())
    assert again.json == {"model_version": "no-model-yet"}
    assert sqlite_store.take_requests(7) == [], "Label Studio calls /setup before every prediction"


def test_setup_and_versions_answer_the_version_of_the_head(connected: FlaskClient, sqlite_store: Store):
    version = with_head(sqlite_store)
    assert connected.post("/setup", json=setup_body()).json == {"model_version": version}
    assert connected.get("/versions").json == {"versions": [version]}
    assert connected.get("/versions?project=7").json == {"versions": [version]}
    assert connected.get("/versions?project=8").json["versions"] == []
    newer = with_head(sqlite_store, "head of 5 labels")
    assert connected.get("/versions").json == {"versions": [newer, version]}, "the newest comes first"


def test_new_extra_params_in_a_setup_only_lead_to_reading_those_of_label_studio(
    connected: FlaskClient, sqlite_store: Store
):
    sqlite_store.take_requests(7)
    for typed in ({"strategy": "margin", "batch_size": 7}, '{"strategy": "entropy"}'):
        assert connected.post("/setup", json=setup_body(extra_params=typed)).status_code == 200
        project = sqlite_store.project(7)
        assert project is not None
        assert project.settings == {}
        assert sqlite_store.take_requests(7) == ["extra params"]
        connected.post("/setup", json=setup_body(extra_params=typed))
        assert sqlite_store.take_requests(7) == [], "the same extra params must request one run only"
    connected.post("/setup", json=setup_body(extra_params=None))
    assert sqlite_store.take_requests(7) == [], "null says nothing about the extra params"


def test_a_setup_of_a_disconnected_project_requests_a_run(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.take_requests(7)
    sqlite_store.update_project(7, attached=False)
    assert connected.post("/setup", json=setup_body()).status_code == 200
    assert sqlite_store.take_requests(7) == ["setup"]


def test_the_configured_address_precedes_the_one_of_the_request(make_client: Any, sqlite_store: Store):
    sqlite_store.ensure_project(7)
    for settings, address in (
        ({}, "http://any.example"),
        ({"backend_url": "https://ours.example/"}, "https://ours.example"),
    ):
        make_client(**settings).post("/setup", json=setup_body(), headers={"Host": "any.example"})
        project = sqlite_store.project(7)
        assert project is not None
        assert project.backend_url == address


@pytest.mark.parametrize(
    ("extra_params", "words"),
    [
        ({"strategy": "magic"}, "badge"),
        ({"initial": "magic"}, "typiclust"),
        ({"stratgey": "badge"}, "did you mean strategy?"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "many"}, "batch_size"),
        ("not json", "JSON object"),
        ([1], "JSON object"),
    ],
)
def test_extra_params_that_cannot_be_used_are_refused_with_those_that_can(
    connected: FlaskClient, sqlite_store: Store, extra_params: Any, words: str
):
    answer = connected.post("/setup", json=setup_body(extra_params=extra_params))
    assert answer.status_code == 400
    assert words in answer.json["error"]
    assert words in answer.status, "Label Studio shows the status line only"
    project = sqlite_store.project(7)
    assert project is not None
    assert project.settings == {}


def test_a_config_that_is_not_for_classification_is_refused_and_not_stored(web: FlaskClient, sqlite_store: Store):
    schema = '<View><Image name="i" value="$i"/><RectangleLabels name="r" toName="i"/></View>'
    answer = web.post("/setup", json=setup_body(schema=schema))
    assert answer.status_code == 400
    assert "<RectangleLabels name='r'> marks parts" in answer.json["error"]
    assert "Supported: <Choices>" in answer.json["error"]
    assert sqlite_store.project(7) is None


@pytest.mark.parametrize("project", [None, "", "x", -1, True, [], 2**80, "99999999999999999999.1"])
def test_a_setup_without_a_project_is_refused(web: FlaskClient, project: Any):
    assert web.post("/setup", json=setup_body(project=project)).status_code == 400


def test_predict_before_the_first_head_answers_one_empty_result_per_task(connected: FlaskClient):
    body = {"tasks": [{"id": 1, "data": {"text": "a"}}, {"id": 2, "data": {}}], "project": PROJECT}
    answer = connected.post("/predict", json=body).json
    assert [r["result"] for r in answer["results"]] == [[], []]
    assert answer["model_version"] == "no-model-yet"
    assert connected.post("/predict", json={"tasks": [], "project": PROJECT}).json["results"] == []
    unknown = connected.post("/predict", json={**body, "project": "99.1"}).json
    assert [r["result"] for r in unknown["results"]] == [[], []]


def test_predict_answers_one_class_with_its_confidence_per_task_in_their_order(
    connected: FlaskClient, sqlite_store: Store
):
    version = with_head(sqlite_store)
    vectors = np.eye(4, dtype=np.float32)[:2]
    sqlite_store.put_embeddings("tiny", [text_hash("crash"), text_hash("great")], vectors)
    texts = ["great", "", None, "crash", "great"]
    tasks = [{"id": n, "data": {"text": text}} for n, text in enumerate(texts)]
    answer = connected.post("/predict", json={"tasks": tasks, "project": PROJECT}).json
    chosen = [r["result"][0]["value"]["choices"] if r["result"] else None for r in answer["results"]]
    assert chosen == [["praise"], None, None, ["bug"], ["praise"]]
    assert {r["model_version"] for r in answer["results"]} == {version}
    item = answer["results"][0]["result"][0]
    assert (item["from_name"], item["to_name"], item["type"]) == ("topic", "message", "choices")
    assert 0.5 < item["score"] <= 1
    assert answer["results"][0]["score"] == pytest.approx(item["score"], abs=1e-6)


def test_predict_names_the_classes_of_the_head_although_the_label_config_changed_since(
    connected: FlaskClient, sqlite_store: Store
):
    with_head(sqlite_store)
    sqlite_store.put_embeddings("tiny", [text_hash("crash"), text_hash("great")], np.eye(4, dtype=np.float32)[:2])
    tasks = [{"id": n, "data": {"text": text}} for n, text in enumerate(("crash", "great"))]

    def chosen() -> list[Any]:
        results = connected.post("/predict", json={"tasks": tasks, "project": PROJECT}).json["results"]
        return [r["result"][0]["value"]["choices"] if r["result"] else None for r in results]

    bug, praise = '<Choice value="bug"/>', '<Choice value="praise"/>'
    sqlite_store.update_project(7, label_config=CONFIG.replace(bug + praise, praise + bug))
    assert chosen() == [["bug"], ["praise"]]
    sqlite_store.update_project(7, label_config=CONFIG.replace(bug, '<Choice value="new"/>'))
    assert chosen() == [None, ["praise"]], "a class that is gone is not predicted"


def test_refused_predictions_leave_their_places_to_those_that_wait(make_client: Any, sqlite_store: Store):
    client = make_client(threads=2)  # one of them may wait
    sqlite_store.ensure_project(7)
    client.post("/setup", json=setup_body())
    with_head(sqlite_store)
    body = {"tasks": [{"id": 1, "data": {"text": "new"}}], "project": PROJECT}
    sqlite_store.update_project(7, label_config="<View/>")
    for _ in range(2):
        assert client.post("/predict", json=body).status_code == 400
    sqlite_store.update_project(7, label_config=CONFIG)
    waiting = client.application.extensions["active_learning"].waiting
    assert waiting.acquire(blocking=False)


def test_predict_waits_for_a_worker_to_embed_unseen_texts(connected: FlaskClient, sqlite_store: Store):
    with_head(sqlite_store)

    def worker() -> None:
        time.sleep(0.3)
        sqlite_store.put_embeddings("tiny", [text_hash("new")], np.eye(4, dtype=np.float32)[:1])

    embedding = threading.Thread(target=worker)
    embedding.start()
    body = {"tasks": [{"id": 1, "data": {"text": "new"}}], "project": PROJECT}
    (result,) = connected.post("/predict", json=body).json["results"]
    embedding.join()
    assert result["result"][0]["value"]["choices"] == ["bug"]


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b'"x"', b"{}", b'{"project": "7.1"}', b'{"project": "7.1", "tasks": [1]}', b"\xff"],
)
def test_malformed_bodies_are_refused_with_a_sentence(connected: FlaskClient, body: bytes):
    answer = connected.post("/predict", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"].endswith(".")


def test_validate_says_whether_a_config_is_for_classification(web: FlaskClient):
    assert web.post("/validate", json={"config": CONFIG}).json == {"valid": True}
    refused = web.post("/validate", json={"config": "<View/>"}).json
    assert refused["valid"] is False
    assert "Supported" in refused["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/duplicate_model", {"project_src": "7.1", "project_dst": "8.1"}),
        ("/delete", {"project": "7.1"}),
        ("/job_status", {"job": "7"}),
    ],
)
def test_other_routes_that_label_studio_calls_are_answered(web: FlaskClient, path: str, body: dict[str, Any]):
    assert web.post(path, json=body).status_code == 200


def test_unknown_paths_and_methods_are_answered_in_json(web: FlaskClient):
    assert web.get("/nowhere").status_code == 404
    wrong = web.get("/setup")
    assert wrong.status_code == 405
    assert "POST" in wrong.headers["Allow"]
