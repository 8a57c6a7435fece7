"""Which requests each call sends to Label Studio: method, path, query, body and credentials."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import jwt
import pytest
from recording_server import RecordingServer, Request, Respond, recording_server

from ml_backend.labelstudio import client as client_module
from ml_backend.labelstudio import connection, task_lists
from ml_backend.labelstudio.client import PROJECT_FIELDS, LabelStudio, LabelStudioUnavailable, RequestRefused
from ml_backend.labelstudio.task_lists import WITH_ANNOTATIONS
from ml_backend.labelstudio.tasks import TaskPage
from ml_backend.labelstudio.webhook_states import WebhookState
from ml_backend.settings import Settings
from ml_backend.web.access.label_studio_user import client_for_page

LEGACY_TOKEN = "legacy-token-of-forty-characters-00000000"
BACKEND = "http://backend.example:9090"
ALL_TASKS = {"ordering": ["tasks:id"], "filters": {"conjunction": "and", "items": []}}


def filtered(conjunction: str, *filters: dict[str, Any]) -> dict[str, Any]:
    return {"ordering": ["tasks:id"], "filters": {"conjunction": conjunction, "items": list(filters)}}


def task_list(query: dict[str, Any], page: int, size: int, include: str = WITH_ANNOTATIONS) -> Request:
    params = {"project": "3", "page": str(page), "page_size": str(size), "query": json.dumps(query)}
    with_details = {"fields": "all"} if "annotations" in include or "predictions" in include else {}
    return Request("GET", "/api/tasks", params | {"resolve_uri": "false", "include": include} | with_details)


def of_ids(*task_ids: int) -> dict[str, Any]:
    condition = {"filter": "filter:tasks:id", "operator": "in_list", "type": "Number", "value": list(task_ids)}
    return filtered("and", condition)


def changed_after(moment: str) -> dict[str, Any]:
    condition = {"operator": "greater_or_equal", "type": "Datetime", "value": moment}
    return filtered("and", {"filter": "filter:tasks:updated_at", **condition})


def hook(number: int, **changes: Any) -> dict[str, Any]:
    url = f"{BACKEND}/webhook"
    return {"id": number, "url": url, "is_active": True, "send_for_all_actions": True, "headers": {}, **changes}


def requests_of(respond: Respond, call: Callable[[LabelStudio], object], key: str = LEGACY_TOKEN) -> RecordingServer:
    with recording_server(respond) as server, closing(LabelStudio(server.url, key)) as client:
        call(client)
    return server


def always(body: Any, status: int = 200) -> Respond:
    return lambda _: (status, body)


ENTRY = {"id": 5, "url": BACKEND, "title": "Active learning", "state": "CO"}
PREDICTIONS = [
    {"task": 9, "result": [], "score": 0.0, "model_version": "v1"},
    {"task": 8, "result": [], "score": 0.5, "model_version": "v1"},
]
CALLS: dict[str, tuple[Any, Callable[[LabelStudio], object], list[Request]]] = {
    "whoami": ({}, lambda c: c.whoami(), [Request("GET", "/api/current-user/whoami")]),
    "version": ({"release": "1.23.2"}, lambda c: c.version(), [Request("GET", "/api/version")]),
    "project": ({}, lambda c: c.project(3), [Request("GET", "/api/projects/3", {"include": PROJECT_FIELDS})]),
    "newest update": (
        {"tasks": [{"id": 1, "updated_at": "2026"}]},
        lambda c: c.newest_update(3),
        [task_list({**ALL_TASKS, "ordering": ["-tasks:updated_at"]}, 1, 1, "id,updated_at")],
    ),
    "a page": ({"tasks": []}, lambda c: c.tasks_page(3, 2, 50), [task_list(ALL_TASKS, 2, 50)]),
    "a page of changes": (
        {"tasks": []},
        lambda c: c.tasks_page(3, 1, 50, updated_after="2026-01-01"),
        [task_list(changed_after("2026-01-01"), 1, 50)],
    ),
    "times of changes": (
        {"tasks": [{"id": 1, "updated_at": "2026"}]},
        lambda c: c.updates(3, "2026-01-01", 50),
        [task_list(changed_after("2026-01-01"), 1, 50, "id,updated_at")],
    ),
    "a page of annotated tasks": (
        {"tasks": []},
        lambda c: c.tasks_page(3, 1, 50, annotated_only=True),
        [
            task_list(
                filtered(
                    "or",
                    *(
                        {"filter": f"filter:tasks:{name}", "operator": "greater", "type": "Number", "value": 0}
                        for name in ("total_annotations", "cancelled_annotations")
                    ),
                ),
                1,
                50,
            )
        ],
    ),
    "tasks by id": (
        {"tasks": []},
        lambda c: c.tasks_by_id(3, [4, 7]),
        [task_list(of_ids(4, 7), 1, 2)],
    ),
    "ids": ({"tasks": []}, lambda c: c.task_ids(3), [task_list(ALL_TASKS, 1, 10_000, "id")]),
    "a batch": (
        {"created": 2},
        lambda c: c.publish_batch(3, "v1", [(9, [], 0), (8, [], 1)]),
        [
            Request("POST", "/api/projects/3/import/predictions", body=PREDICTIONS),
            Request("PATCH", "/api/projects/3/", {"include": "id"}, {"model_version": "v1"}),
        ],
    ),
    "a version less": (
        None,
        lambda c: c.remove_version(3, "v1"),
        [Request("DELETE", "/api/projects/3/model-versions/", body={"model_version": "v1"})],
    ),
    "the sampling": (
        {"id": 3},
        lambda c: c.set_sampling(3),
        [Request("PATCH", "/api/projects/3/", {"include": "id"}, {"sampling": "Uncertainty sampling"})],
    ),
    "webhooks": ([], lambda c: connection.webhooks(c, 3), [Request("GET", "/api/webhooks/", {"project": "3"})]),
    "a refused address": (
        {},
        lambda c: connection.address_refused(c, BACKEND),
        [Request("POST", "/api/ml", body={"project": 0, "url": BACKEND})],
    ),
    "backends, called": (
        [ENTRY],
        lambda c: connection.probe_backends(c, 3),
        [Request("GET", "/api/ml", {"project": "3"})],
    ),
    "backends, as kept": (
        {"live": [ENTRY]},
        lambda c: connection.stored_backends(c, 3),
        [Request("GET", "/api/projects/3/model-versions/", {"extended": "true", "include_live_models": "true"})],
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_sends_these_requests(name: str):
    response, call, expected = CALLS[name]
    server = requests_of(always(response), call)
    assert server.requests == expected
    assert set(server.authorizations) == {f"Token {LEGACY_TOKEN}"}


def test_a_large_batch_is_written_in_several_requests_and_served_when_it_is_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client_module, "PREDICTIONS_PER_REQUEST", 2)

    def respond(request: Request) -> tuple[int, Any]:
        return 200, {"created": len(request.body)}

    items = [(task, [], rank) for rank, task in enumerate((9, 8, 7))]
    server = requests_of(respond, lambda c: c.publish_batch(3, "v1", items))
    *imports, served = server.requests
    assert [[(p["task"], p["score"]) for p in request.body] for request in imports] == [
        [(9, 0.0), (8, 1 / 3)],
        [(7, 2 / 3)],
    ]
    assert served == Request("PATCH", "/api/projects/3/", {"include": "id"}, {"model_version": "v1"})


def task_server(n_tasks: int) -> Respond:
    """Pages of a project with the tasks 1 to n_tasks, as Label Studio pages them."""

    def respond(request: Request) -> tuple[int, Any]:
        page, size = int(request.query["page"]), int(request.query["page_size"])
        ids = range(1, n_tasks + 1)[(page - 1) * size : page * size]
        if not ids and page > 1:
            return 404, {"detail": "Invalid page."}
        return 200, {"tasks": [{"id": i, "data": {"text": str(i)}, "updated_at": "2026"} for i in ids]}

    return respond


@pytest.mark.parametrize(
    ("n_tasks", "start_page", "pages", "requests"),
    [
        (5, 1, [(1, [1, 2], False), (2, [3, 4], False), (3, [5], True)], [1, 2, 3]),
        (5, 3, [(3, [5], True)], [3]),
        (4, 2, [(2, [3, 4], False), (3, [], True)], [2, 3]),
        (0, 1, [(1, [], True)], [1]),
    ],
    ids=["all", "resumed", "last page full", "no tasks"],
)
def test_pages_of_tasks_are_read_until_one_is_not_full(
    n_tasks: int, start_page: int, pages: list[tuple[int, list[int], bool]], requests: list[int]
):
    read: list[TaskPage] = []
    server = requests_of(
        task_server(n_tasks), lambda c: read.extend(c.task_pages(3, start_page=start_page, page_size=2))
    )
    assert [(page.number, [task.id for task in page.tasks], page.is_last) for page in read] == pages
    assert server.requests == [task_list(ALL_TASKS, page, 2) for page in requests]


def test_the_next_page_is_requested_only_when_it_is_read():
    with recording_server(task_server(5)) as server, closing(LabelStudio(server.url, LEGACY_TOKEN)) as client:
        pages = client.task_pages(3, page_size=2)
        assert server.requests == []
        next(pages)
        next(pages)
        assert server.requests == [task_list(ALL_TASKS, page, 2) for page in (1, 2)]


def test_more_changes_than_the_limit_are_not_listed():
    times: list[Any] = []
    requests_of(task_server(3), lambda c: times.extend(c.updates(3, None, limit) for limit in (2, 4)))
    assert times == [None, dict.fromkeys((1, 2, 3), "2026")]


def test_pages_that_label_studio_makes_smaller_than_asked_for_are_all_read():
    """Its setting TASK_API_PAGE_SIZE_MAX does that. A task that seems to be missing would be deleted here."""

    def respond(request: Request) -> tuple[int, Any]:
        page, size = int(request.query["page"]), min(2, int(request.query["page_size"]))
        entries = [{"id": i, "data": {}, "updated_at": "2026"} for i in range(1, 6)][(page - 1) * size : page * size]
        return (200, {"tasks": entries, "total": 5}) if entries else (404, {"detail": "Invalid page."})

    read: list[Any] = []
    server = requests_of(respond, lambda c: read.extend([c.task_ids(3), c.updates(3, None, 4), c.tasks_by_id(3, [1])]))
    assert read[:2] == [{1, 2, 3, 4, 5}, None]
    assert [(r.query["page"], r.query["page_size"]) for r in server.requests[:3]] == [
        ("1", "10000"),
        ("2", "2"),
        ("3", "2"),
    ]


def test_predictions_are_read_of_tasks_whose_annotations_name_one():
    """Their versions cost Label Studio more than all the rest of a task."""
    annotations = [
        {"id": 50 + i, "result": [], "parent_prediction": prediction} for i, prediction in ((4, None), (7, 9))
    ]
    entries = [{"id": a["id"] - 50, "data": {}, "annotations": [a]} for a in annotations]

    def respond(request: Request) -> tuple[int, Any]:
        if request.query["include"] == WITH_ANNOTATIONS:
            return 200, {"tasks": entries}
        return 200, {
            "tasks": [{"id": 7, "predictions": [{"id": 8, "model_version": "b"}, {"id": 9, "model_version": "a"}]}]
        }

    read: list[Any] = []
    server = requests_of(respond, lambda c: read.extend(c.tasks_by_id(3, [4, 7])))
    assert [task.annotations[0].shown_version for task in read] == [None, "a"]
    assert server.requests == [
        task_list(of_ids(4, 7), 1, 2),
        task_list(of_ids(7), 1, 1, "id,predictions,model_version"),
    ]


def test_ids_are_read_over_all_pages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(task_lists, "IDS_PER_PAGE", 2)
    read: set[int] = set()
    server = requests_of(task_server(3), lambda c: read.update(c.task_ids(3)))
    assert read == {1, 2, 3}
    assert server.requests == [task_list(ALL_TASKS, page, 2, "id") for page in (1, 2)]


def test_requests_and_their_seconds_are_counted_per_thread():
    with recording_server(always({"release": "1"})) as server, closing(LabelStudio(server.url, LEGACY_TOKEN)) as client:
        client.version()
        client.version()
        requests, seconds = client.take_request_stats()
        assert (requests, seconds > 0) == (2, True)
        assert client.take_request_stats() == (0, 0.0)


@pytest.mark.parametrize("connected", [True, False])
def test_a_backend_is_added_or_updated(connected: bool):
    entries = [ENTRY] if connected else []

    def respond(request: Request) -> tuple[int, Any]:
        if request.method == "POST":
            entries.append(ENTRY)
        return 200, entries

    server = requests_of(respond, lambda c: connection.connect_backend(c, 3, BACKEND, ("u", "p"), {"seed": 1}))
    body = {
        "project": 3,
        "url": BACKEND,
        "title": "Active learning",
        "is_interactive": False,
        "extra_params": '{"seed": 1}',
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": "u",
        "basic_auth_pass": "p",
    }
    written = Request("PATCH", "/api/ml/5", body=body) if connected else Request("POST", "/api/ml", body=body)
    listed = Request("GET", "/api/ml", {"project": "3"})
    assert server.requests == [listed, written, listed]


def test_a_webhook_is_made_if_there_is_none_and_otherwise_gets_the_secret_once():
    listed = Request("GET", "/api/webhooks/", {"project": "3"})
    server = requests_of(always([]), lambda c: connection.ensure_webhook(c, 3, BACKEND, "secret"))
    settings = {"url": f"{BACKEND}/webhook", "send_payload": True, "send_for_all_actions": True, "is_active": True}
    body = {**settings, "headers": {connection.SECRET_HEADER: "secret"}}
    assert server.requests == [listed, Request("POST", "/api/webhooks/", body={"project": 3, **body})]
    hooks = [hook(1, headers={"X-Own": "kept"}), hook(2)]
    server = requests_of(always(hooks), lambda c: connection.ensure_webhook(c, 3, BACKEND, "secret"))
    body["headers"] = {"X-Own": "kept", connection.SECRET_HEADER: "secret"}
    deleted, changed = Request("DELETE", "/api/webhooks/2/"), Request("PATCH", "/api/webhooks/1/", body=body)
    assert server.requests == [listed, deleted, changed]


@pytest.mark.parametrize(
    "wrong",
    [{"send_for_all_actions": False}, {"headers": {connection.SECRET_HEADER: "old"}}],
    ids=str,
)
def test_a_webhook_that_does_not_send_all_with_the_secret_is_repaired(wrong: dict[str, Any]):
    right = {"headers": {connection.SECRET_HEADER: "secret"}}
    found: list[WebhookState] = []

    def ensure(client: LabelStudio) -> None:
        found.append(connection.ensure_webhook(client, 3, BACKEND, "secret", create=False))

    assert len(requests_of(always([hook(1, **right)]), ensure).requests) == 1
    _, repair = requests_of(always([hook(1, **right | wrong)]), ensure).requests
    assert found == ["intact", "repaired"]
    assert (repair.method, repair.path) == ("PATCH", "/api/webhooks/1/")
    assert {**hook(1, **right), **repair.body} == {**hook(1, **right), "send_payload": True}


@pytest.mark.parametrize(
    ("failures", "create", "found", "becomes_active"),
    [
        ({"consecutive_failures": 50}, False, "switched on", [True]),
        ({"consecutive_failures": 49}, False, "off", []),
        ({}, False, "off", []),
        ({}, True, "repaired", [True]),
    ],
)
def test_a_webhook_is_switched_on_if_label_studio_switched_it_off_and_not_if_a_person_did(
    failures: dict[str, int], create: bool, found: str, becomes_active: list[bool]
):
    off = hook(1, is_active=False, headers={connection.SECRET_HEADER: "secret"}, **failures)
    states: list[WebhookState] = []

    def ensure(client: LabelStudio) -> None:
        states.append(connection.ensure_webhook(client, 3, BACKEND, "secret", create=create))

    _, *changes = requests_of(always([off]), ensure).requests
    assert states == [found]
    assert [change.body["is_active"] for change in changes] == becomes_active


def test_a_webhook_that_a_person_switched_off_gets_the_secret_and_stays_off():
    off = hook(1, is_active=False)
    _, change = requests_of(
        always([off]), lambda c: connection.ensure_webhook(c, 3, BACKEND, "secret", create=False)
    ).requests
    assert change.body["headers"] == {connection.SECRET_HEADER: "secret"}
    assert change.body["is_active"] is False


def test_a_personal_access_token_is_exchanged_once_for_an_access_token():
    claims = {"token_type": "refresh", "exp": time.time() + 3600}
    key = jwt.encode(claims, "a-signing-key-of-at-least-32-bytes!")
    access = jwt.encode({**claims, "token_type": "access"}, "a-signing-key-of-at-least-32-bytes!")

    def respond(request: Request) -> tuple[int, Any]:
        return 200, {"access": access} if "refresh" in request.path else {"email": "a@b.c", "release": "1"}

    server = requests_of(respond, lambda c: (c.whoami(), c.version()), key)
    exchange = Request("POST", "/api/token/refresh/", body={"refresh": key})
    assert server.requests == [exchange, Request("GET", "/api/current-user/whoami"), Request("GET", "/api/version")]
    assert server.authorizations == [None, f"Bearer {access}", f"Bearer {access}"]


def test_server_errors_are_tried_three_times_and_refusals_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    failures = [(503, "starting"), (429, "slow down")]

    def respond(_: Request) -> tuple[int, Any]:
        return failures.pop(0) if failures else (200, {"release": "1.23.2"})

    assert len(requests_of(respond, lambda c: c.version()).requests) == 3

    for status in (503, 429):
        down = always("down", status)
        with recording_server(down) as server, closing(LabelStudio(server.url, LEGACY_TOKEN)) as client:
            with pytest.raises(LabelStudioUnavailable, match=f"{status} at /api/version: down"):
                client.version()
            assert len(server.requests) == 3
    with recording_server(lambda _: (400, "no")) as server, closing(LabelStudio(server.url, LEGACY_TOKEN)) as client:
        with pytest.raises(RequestRefused, match="400"):
            client.version()
        assert len(server.requests) == 1


def test_a_request_for_which_somebody_waits_is_not_repeated():
    with recording_server(always({}, 503)) as server:
        settings = Settings(label_studio_url=server.url, label_studio_api_key=LEGACY_TOKEN)
        with closing(client_for_page(settings, LEGACY_TOKEN)) as client, pytest.raises(LabelStudioUnavailable):
            client.whoami()
    assert len(server.requests) == 1
