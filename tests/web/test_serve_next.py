"""Tasks that people ask for on a page: which are taken, and what they are told about the others."""

from __future__ import annotations

import html
from typing import Any

import pytest
from flask.testing import FlaskClient
from signing_in import BROWSER, form_token, sign_in

from ml_backend.annotation import Annotation
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord
from ml_backend.web.page_parts.said import said

CONFIG = (
    '<View><Text name="message" value="$text"/><Choices name="topic" toName="message">'
    '<Choice value="bug"/><Choice value="praise"/></Choices></View>'
)
FORM = "application/x-www-form-urlencoded"
TEXTS = {1: "good", 2: "bad", 3: "good", 4: "fine", 5: "late"}


@pytest.fixture
def client(make_client: Any, sqlite_store: Store) -> FlaskClient:
    """Somebody who is signed in; project 7 has the tasks of TEXTS, of which 2 is labelled, and 6 without a text."""
    sqlite_store.ensure_project(7, label_config=CONFIG)
    records = [TaskRecord(7, task, text, None, "") for task, text in TEXTS.items()]
    sqlite_store.upsert_tasks(
        7, [*records, TaskRecord(7, 6, None, "it is empty", "")], {text: text for text in TEXTS.values()}
    )
    sqlite_store.replace_annotations(7, {2: [Annotation(1, 2, 1, False, [], "")]})
    signed_in = make_client(basic_auth_user="ann", basic_auth_pass="secret")
    sign_in(signed_in, user="ann", password="secret")
    return signed_in


def send(client: FlaskClient, path: str = "next", **fields: Any) -> Any:
    """Send the form of a page, as a browser does."""
    body = {"csrf_token": form_token(client, "/projects/7/find"), **fields}
    return client.post(f"/projects/7/{path}", data=body, content_type=FORM, headers=BROWSER)


def told(client: FlaskClient, answer: Any) -> str:
    """The sentence on the page that the form returns to."""
    page = client.get(answer.location, headers=BROWSER).text
    return page.split('role="status">')[1].split("<")[0]


def test_open_tasks_are_taken_in_their_order_and_the_others_are_counted(client: FlaskClient, sqlite_store: Store):
    answer = send(client, task=["5", "1", "2", "3", "6", "99"], why="search: late")
    assert answer.status_code == 303
    assert sqlite_store.requested_tasks(7) == {5: "search: late", 1: "search: late"}
    assert 7 in sqlite_store.pending_projects()
    assert told(client, answer) == (
        "2 tasks are served next; 1 was labelled or skipped already; 1 was left out, since another one has the same "
        "text; 1 was left out for want of a usable text; 1 was not known here."
    )
    again = send(client, task=["1", "3", "4"])
    assert list(sqlite_store.requested_tasks(7)) == [5, 1, 4], "those asked for before keep their places"
    assert "1 was asked for before; 1 was left out" in told(client, again)


def test_all_tasks_of_a_page_are_taken_by_one_button_and_the_page_keeps_its_address(
    client: FlaskClient, sqlite_store: Store
):
    query = "q=a%26b&show=all&said.asked=9&_external=1&endpoint=x&otherwise=y"
    answer = send(client, task=["1"], listed=["4", "5"], all="1", view="find", query=query)
    assert list(sqlite_store.requested_tasks(7)) == [4, 5]
    assert answer.location == "/projects/7/find?q=a%26b&show=all&said.asked=2#said"
    assert send(client, task=["1"], view="//evil.example").location.startswith("/projects/7/find?")


def test_tasks_are_withdrawn_one_by_one_or_all(client: FlaskClient, sqlite_store: Store):
    send(client, task=["1", "4", "5"])
    answer = send(client, "next/withdraw", task=["4", "2"])
    assert told(client, answer) == "1 task is no longer served before others."
    assert list(sqlite_store.requested_tasks(7)) == [1, 5]
    send(client, "next/withdraw", every="1")
    assert sqlite_store.requested_tasks(7) == {}


def test_what_is_no_task_is_refused_in_a_sentence_and_nothing_is_asked_for(client: FlaskClient, sqlite_store: Store):
    assert "No task is chosen" in send(client).text
    assert "too many; choose 1,000" in send(client, task=[str(n) for n in range(1, 1002)]).text
    wrong = send(client, task=["1", "<script>"])
    assert wrong.status_code == 400
    assert "&lt;script&gt;" in wrong.text
    assert sqlite_store.requested_tasks(7) == {}


def test_no_more_tasks_wait_than_a_batch_may_hold(
    client: FlaskClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ml_backend.web.project_routes.serve_next.MOST_WAITING", 2)
    send(client, task=["1", "4"])
    assert "2 tasks wait to be served next already" in send(client, task=["5"]).text
    assert list(sqlite_store.requested_tasks(7)) == [1, 4]


def test_programs_send_json_and_get_the_counts(make_client: Any, client: FlaskClient):
    headers = {"Authorization": "Token label-studio-key"}
    answer = make_client().post("/projects/7/next", json={"task": [1, 2], "why": "by a script"}, headers=headers)
    assert answer.json == {"asked": 1, "before": 0, "labelled": 1, "same": 0, "unusable": 0, "unknown": 0}


@pytest.mark.parametrize(
    ("arguments", "is_paused", "sentence"),
    [
        ({"said.asked": "1"}, False, "1 task is served next."),
        (
            {"said.asked": "12", "said.labelled": "3"},
            False,
            "12 tasks are served next; 3 were labelled or skipped already.",
        ),
        ({"said.asked": "2"}, True, "2 tasks are served first once the project goes on: it is paused."),
        ({"said.labelled": "1"}, False, "No task is added; 1 was labelled or skipped already."),
        ({"said.asked": "<b>", "said.evil": "3", "q": "x"}, False, ""),
    ],
)
def test_the_sentence_follows_from_the_numbers_in_the_address(
    arguments: dict[str, str], is_paused: bool, sentence: str
):
    assert said(arguments, is_paused) == sentence


def test_who_follows_the_address_of_a_search_gets_there_after_signing_in(make_client: Any, client: FlaskClient):
    stranger = make_client(basic_auth_user="ann", basic_auth_pass="secret")
    away = stranger.get("/projects/7/find?q=a%26b&by=words&_external=1", headers=BROWSER)
    assert away.status_code == 302
    form = stranger.get(away.location, headers=BROWSER).text
    following = html.unescape(form.split('name="next" value="')[1].split('"')[0])
    there = sign_in(stranger, follow=following, user="ann", password="secret").location
    assert there == "/projects/7/find?q=a%26b&by=words"
