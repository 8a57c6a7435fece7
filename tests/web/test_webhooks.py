"""Webhooks of Label Studio: stored without texts, one run requested, whatever the shape of the body."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_backend.labelstudio.connection import SECRET_HEADER
from ml_backend.store import Store
from ml_backend.store.candidates import MOST_CANDIDATES

CONFIG = (
    '<View><Text name="t" value="$x"/><Choices name="c" toName="t"><Choice value="a"/><Choice value="b"/></Choices>'
    "</View>"
)
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("ANNOTATION_CREATED", {"annotation": {"id": 5, "task": 3, "result": [], "completed_by": 1}}),
    ("ANNOTATION_UPDATED", {"annotation": {"id": 5, "task": {"id": 3, "data": {"text": "secret"}}, "result": []}}),
    ("ANNOTATIONS_CREATED", {"annotation": [{"id": 5, "task": 3}, {"id": 6, "task": 4}]}),
    ("ANNOTATIONS_DELETED", {"annotations": [{"id": 5}]}),
    ("TASKS_CREATED", {"tasks": [{"id": 3, "data": {"text": "secret"}}]}),
    ("TASKS_DELETED", {"tasks": [{"id": 3}]}),
    ("START_TRAINING", {}),
]


@pytest.mark.parametrize(("action", "body"), EVENTS, ids=[action for action, _ in EVENTS])
def test_every_event_is_stored_without_texts_and_requests_one_run(
    connected: FlaskClient, sqlite_store: Store, action: str, body: dict[str, Any]
):
    sqlite_store.take_requests(7)
    event = {"action": action, "project": {"id": 7, "title": "t", "label_config": "…"}, **body}
    for _ in range(2):
        assert connected.post("/webhook", json=event).status_code == 200
    events = sqlite_store.events(7)
    assert [e.action for e in events] == [action, action]
    assert "secret" not in str(events[0].body)
    assert len(sqlite_store.take_requests(7)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"action": "LABEL_LINK_CREATED", "project": {"id": 7}},
        {"action": "SOMETHING_NEW", "project": {"id": 7}},
        {"action": None, "project": {"id": 7}},
        {"action": ["ANNOTATION_CREATED"], "project": {"id": 7}},
        {"project": {"id": 7}},
        {"action": "ANNOTATION_CREATED"},
        {"action": "ANNOTATION_CREATED", "project": "no project"},
        {"action": "ANNOTATION_CREATED", "project": {"id": "x"}},
    ],
)
def test_unknown_projects_and_actions_are_answered_and_ignored(
    connected: FlaskClient, sqlite_store: Store, body: dict[str, Any]
):
    answer = connected.post("/webhook", json=body)
    assert answer.status_code == 200
    assert answer.json["ignored"]
    assert sqlite_store.events(7) == []


@pytest.mark.parametrize("annotation", [None, "x", 5, [], [None, 5], {"id": "x", "task": "y"}])
def test_events_of_any_shape_are_accepted(connected: FlaskClient, sqlite_store: Store, annotation: Any):
    event = {"action": "ANNOTATION_CREATED", "project": {"id": 7}, "annotation": annotation}
    assert connected.post("/webhook", json=event).status_code == 200
    assert len(sqlite_store.events(7)) == 1


def test_our_own_writes_that_come_back_as_events_lead_to_no_run(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.take_requests(7)
    project = sqlite_store.project(7)
    assert project is not None
    project_body = {"id": 7, "title": project.title, "label_config": project.label_config, "model_version": "batch 2"}
    connected.post("/webhook", json={"action": "PROJECT_UPDATED", "project": project_body})
    assert sqlite_store.take_requests(7) == []
    connected.post(
        "/webhook", json={"action": "PROJECT_UPDATED", "project": {**project_body, "label_config": "<View/>"}}
    )
    assert sqlite_store.take_requests(7) == ["project"]


def test_the_deletion_of_a_known_project_leads_to_a_run(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.take_requests(7)
    for project_id in (7, 8):
        connected.post("/webhook", json={"action": "PROJECT_DELETED", "project": {"id": project_id}})
    assert sqlite_store.pending_projects() == [7], "of 8 there is nothing to delete"
    assert [event.action for event in sqlite_store.events(7)] == ["PROJECT_DELETED"]


def test_a_config_put_back_after_an_unsupported_one_leads_to_a_run(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.take_requests(7)
    sqlite_store.update_project(7, state="unsupported", error="…")
    project = sqlite_store.project(7)
    assert project is not None
    project_body = {"id": 7, "title": project.title, "label_config": project.label_config}
    connected.post("/webhook", json={"action": "PROJECT_UPDATED", "project": project_body})
    assert sqlite_store.take_requests(7) == ["project"]


def test_with_basic_auth_the_secret_or_the_password_is_accepted(locked: FlaskClient, sqlite_store: Store):
    event = {"action": "TASKS_CREATED", "project": {"id": 7}, "tasks": [{"id": 1}]}

    def status(**headers: str) -> int:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return locked.post("/webhook", json=event, headers=names).status_code

    assert status() == 401
    secret = sqlite_store.project_webhook_secret(7, sqlite_store.webhook_secret())
    assert locked.post("/webhook", json=event, headers={SECRET_HEADER: secret[:-1]}).status_code == 401
    assert locked.post("/webhook", json=event, headers={SECRET_HEADER: secret}).status_code == 200

    def basic(credentials: bytes) -> str:
        return "Basic " + base64.b64encode(credentials).decode()

    assert status(Authorization=basic("ann:pässword".encode())) == 200
    assert status(Authorization=basic("ann:pässword".encode("latin-1"))) == 200, "as Label Studio encodes it"
    for wrong in (b"ann:", b"ann:password", b":", b"ann", b"\xff\xfe"):
        assert status(Authorization=basic(wrong)) == 401
    assert status(Authorization="Basic !") == 401
    assert status(Authorization="Bearer " + secret) == 401


def report(client: FlaskClient, project_id: int, secret: str) -> int:
    event = {"action": "TASKS_CREATED", "project": {"id": project_id}, "tasks": [{"id": 1}]}
    return client.post("/webhook", json=event, headers={SECRET_HEADER: secret}).status_code


def test_the_secret_of_one_project_reports_no_other(locked: FlaskClient, sqlite_store: Store):
    base = sqlite_store.webhook_secret()
    for project_id in (7, 8):
        sqlite_store.ensure_project(project_id)
    secret = sqlite_store.project_webhook_secret(7, base)
    assert report(locked, 7, secret) == 200
    assert report(locked, 8, secret) == 401
    assert report(locked, 8, secret.replace("7.", "8.", 1)) == 401
    assert sqlite_store.events(8) == []


def test_the_common_secret_of_earlier_versions_is_accepted_until_the_webhook_has_its_own(
    locked: FlaskClient, sqlite_store: Store
):
    base = sqlite_store.webhook_secret()
    sqlite_store.ensure_project(7)
    assert report(locked, 8, base) == 401, "of a project that does not exist"
    assert report(locked, 7, base) == 200
    sqlite_store.keep_own_webhook_secret(7)
    assert report(locked, 7, base) == 401
    assert report(locked, 7, sqlite_store.project_webhook_secret(7, base)) == 200


def test_a_changed_secret_replaces_the_one_before_at_once(locked: FlaskClient, sqlite_store: Store):
    base = sqlite_store.webhook_secret()
    sqlite_store.ensure_project(7)
    before = sqlite_store.project_webhook_secret(7, base)
    assert report(locked, 7, before) == 200
    sqlite_store.change_webhook_secret(7)
    assert [report(locked, 7, secret) for secret in (before, base)] == [401, 401]
    after = sqlite_store.project_webhook_secret(7, base)
    sqlite_store.keep_own_webhook_secret(7)
    assert report(locked, 7, after) == 200, "a run that finds it on the webhook leaves it"
    assert sqlite_store.project_webhook_secret(7, "another base") != after


@pytest.mark.parametrize("auth", [False, True], ids=["open", "auth"])
def test_an_invented_project_becomes_a_candidate_and_nothing_else(
    web: FlaskClient, locked: FlaskClient, sqlite_store: Store, auth: bool
):
    client = locked if auth else web
    for project_id in range(1000, 1000 + MOST_CANDIDATES + 5):
        event = {"action": "ANNOTATION_CREATED", "project": {"id": project_id}, "annotation": {"id": 1, "task": 1}}
        answer = client.post("/webhook", json=event, auth=("ann", "pässword"))
        assert (answer.status_code, "ignored" in answer.json) == (200, True)
    assert sqlite_store.projects() == []
    assert sqlite_store.pending_projects() == []
    assert sqlite_store.event_count() == 0
    assert sqlite_store.candidate(1000 + MOST_CANDIDATES) is None
    answer = client.get("/projects/1000/status", auth=("ann", "pässword"))
    assert (answer.status_code, "is not confirmed yet" in answer.json["error"]) == (404, True)


def test_a_connection_beyond_the_candidates_is_refused_with_what_to_do(web: FlaskClient, sqlite_store: Store):
    def connect(project_id: int) -> Any:
        return web.post("/setup", json={"project": f"{project_id}.1", "schema": CONFIG})

    assert {connect(project_id).status_code for project_id in range(1, MOST_CANDIDATES + 1)} == {200}
    refused = connect(7000)
    assert refused.status_code == 429
    assert "run `python -m ml_backend connect 7000`" in refused.status, "Label Studio shows the status line only"
    assert connect(7).status_code == 200, "one that waits is not refused"
    assert sqlite_store.projects() == []
