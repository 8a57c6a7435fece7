"""Every route with every kind of credentials: the tables of docs/security.md, row by row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from signing_in import BROWSER, csrf, form_token, sign_in
from studios import Fake

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.events import SECRET_HEADER
from ml_backend.pipeline.job_kinds import KINDS, JobKind
from ml_backend.store import Store
from ml_backend.web.project_routes import jobs as job_routes

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
PASSWORD = ("ann", "pässword")
DOUBT = {"kind": "label", "task": 1, "key": 64 * "0"}
WEBHOOK_SECRET = "webhook-secret"
KIND = "rest"
STRANGER_KEY = "e" * 40
CONFIG = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t">'
    '<Choice value="a"/><Choice value="b"/></Choices></View>'
)


@dataclass
class Caller:
    """A client with credentials; token: whether its changes carry a CSRF token."""

    client: FlaskClient
    headers: dict[str, str] = field(default_factory=dict)
    auth: tuple[str, str] | None = None
    token: bool = False


def tables() -> dict[str, list[list[str]]]:
    """The tables under "Who may call which route", by the heading above each: rows of cells, the header first."""
    section = DOCUMENT.read_text().split("## Who may call which route")[1].split("\n## ")[0]
    found = {}
    for part in section.split("\n### ")[1:]:
        lines = [line for line in part.splitlines() if line.startswith("|")]
        found[part.splitlines()[0]] = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {heading: [rows[0], *rows[2:]] for heading, rows in found.items()}


TABLES = tables()
MODES = {
    "With basic auth": {"basic_auth_user": PASSWORD[0], "basic_auth_pass": PASSWORD[1]},
    "Without basic auth, with a Label Studio key": {},
    "With neither": {"label_studio_api_key": None},
}
"""Heading → settings."""


@pytest.fixture(scope="module")
def project(fake_label_studio: Fake) -> int:
    """A project in the organization of the fake's first two users; a third user is in another one."""
    fake_label_studio.server.add_user("stranger@example.com", STRANGER_KEY, organization=2)
    client = LabelStudio(fake_label_studio.url, fake_label_studio.token)
    created = client.request("POST", "api/projects", body={"title": "Messages", "label_config": CONFIG})
    client.close()
    return int(created["id"])


@pytest.fixture
def caller(make_client: Any, sqlite_store: Store, fake_label_studio: Fake, project: int) -> Callable[..., Caller]:
    """Makes a caller by the name of a column."""
    sqlite_store.ensure_project(project, label_config=CONFIG)
    sqlite_store.report_worker("worker")
    sqlite_store.add_job(project, KIND, {}, "ann")

    def make(kind: str, settings: dict[str, Any]) -> Caller:
        fixed = {"label_studio_url": fake_label_studio.url, "webhook_secret": WEBHOOK_SECRET}
        client = make_client(**{"label_studio_api_key": fake_label_studio.token, **fixed, **settings})
        if kind.startswith("session"):
            typed = {
                "session: basic auth": {"user": PASSWORD[0], "password": PASSWORD[1]},
                "session: does not see it": {"key": STRANGER_KEY},
            }.get(kind, {"key": fake_label_studio.second_token()})
            assert sign_in(client, **typed).status_code == 303
            if kind == "session: expired":
                expire(client, sqlite_store)
            return Caller(client, token=kind != "session: no CSRF token")
        secret = sqlite_store.project_webhook_secret(project, WEBHOOK_SECRET)
        simple: dict[str, Caller] = {
            "none": Caller(client),
            "wrong basic auth": Caller(client, auth=(PASSWORD[0], "wrong")),
            "basic auth": Caller(client, auth=PASSWORD),
            "backend's key": Caller(client, {"Authorization": f"Token {fake_label_studio.token}"}),
            "webhook secret": Caller(client, {SECRET_HEADER: secret}),
        }
        return simple[kind]

    return make


def expire(client: FlaskClient, store: Store) -> None:
    """Let the session end as it does after its time, or when another server has ended it."""
    with client.session_transaction() as cookie:
        store.end_session(cookie["id"])


def called(caller: Caller, route: str, project: int) -> int:
    """The status of a route, written as in the table."""
    method, path, kind = (re.fullmatch(r"`(\w+) ([^`]+)`(?: (\w+))?", route) or pytest.fail(route)).groups()
    values = {
        "<int:project_id>": str(project),
        "<path:filename>": "style.css",
        "<string:kind>": KIND,
        "<int:job_id>": "1",
    }
    for name, value in values.items():
        path = path.replace(name, value)
    options: dict[str, Any] = {"headers": {**caller.headers, **(BROWSER if kind == "page" else {})}}
    if path in {"/sign-in", "/sign-out"} and method == "POST":
        options["data"] = {"user": PASSWORD[0], "password": PASSWORD[1]}
        options["data"] |= {"csrf_token": form_token(caller.client)} if caller.token else {}
    elif path == f"/projects/{project}/settings" and method == "POST":
        options["data"] = {"shown": "{}", "batch_size": "7"}
        options["data"] |= {"csrf_token": form_token(caller.client)} if caller.token else {}
    elif method in {"POST", "PATCH"}:
        options["json"] = {
            "/setup": {"project": f"{project}.1", "schema": CONFIG},
            "/predict": {"project": f"{project}.1", "tasks": []},
            "/webhook": {"action": "ANNOTATION_CREATED", "project": {"id": project}, "annotation": {"id": 1}},
            f"/projects/{project}/settings": {"batch_size": 7},
            f"/projects/{project}/next": {"task": [1]},
            f"/projects/{project}/look-again/dismiss": DOUBT,
            f"/projects/{project}/look-again/undo": DOUBT,
            f"/projects/{project}/tab": {"task": [1], "title": "Chosen"},
            f"/projects/{project}/next/withdraw": {"task": [1]},
            f"/projects/{project}/duplicates/label": {"tasks": [1], "class": "a"},
            f"/projects/{project}/duplicates/undo": {"job": 1},
        }.get(path, {"project": project, "config": CONFIG})
        if caller.token:
            options["headers"] |= csrf(caller.client)
    with caller.client.open(path, method=method, auth=caller.auth, **options) as response:
        return response.status_code


@pytest.fixture(autouse=True)
def _kind_of_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of job that takes no parameters."""
    monkeypatch.setitem(KINDS, KIND, JobKind("Rest"))
    monkeypatch.setattr(job_routes, "LONG_KINDS", [KIND])


@pytest.fixture(autouse=True)
def _right_password_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is about credentials, not about how many wrong ones there were."""
    monkeypatch.setattr("ml_backend.web.serving.attempts.Attempts.wait_seconds", lambda *_: 0.0)


@pytest.mark.parametrize(
    ("mode", "column"), [(mode, column) for mode in MODES for column in range(1, len(TABLES[mode][0]))]
)
def test_each_route_answers_as_the_table_says(caller: Callable[..., Caller], project: int, mode: str, column: int):
    header, *rows = TABLES[mode]
    one = caller(header[column], MODES[mode])
    told = {row[0]: int(row[column]) for row in rows}
    assert {route: called(one, route, project) for route in told} == told


def test_every_route_is_in_each_table(make_client: Any):
    rules = make_client().application.url_map.iter_rules()
    routes = {f"{method} {rule.rule}" for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert TABLES.keys() == MODES.keys()
    for mode, rows in TABLES.items():
        assert {row[0].split("`")[1] for row in rows[1:]} == routes, mode
