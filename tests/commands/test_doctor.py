"""Each thing that can be wrong fails its own check, and only that one, and the check names the remedy."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import delete

from ml_backend.commands import doctor, project_checks
from ml_backend.commands.checks import Check, print_checks
from ml_backend.commands.doctor import run_checks
from ml_backend.labelstudio.connection import SECRET_HEADER
from ml_backend.labelstudio.label_config import parse
from ml_backend.settings import Settings
from ml_backend.store import Store, tables
from ml_backend.store.states import ProjectState

KEY = "0123456789abcdef0123456789abcdef01234567"
CONFIG = (
    '<View><Text name="m" value="$t"/><Choices name="c" toName="m">'
    '<Choice value="a"/><Choice value="b"/></Choices></View>'
)


@dataclass
class Answers:
    """The answers of a stand-in for Label Studio and the backend: (status, JSON) by method and path."""

    by_path: dict[str, tuple[int, Any]] = field(default_factory=dict)
    url: str = ""


@pytest.fixture
def label_studio() -> Iterator[Answers]:
    """Answers like a Label Studio whose project 7 is connected and has no problem."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.split("?")[0].strip("/")
            status, body = answers.by_path.get(f"{self.command} {path}", (404, {"detail": "nothing here"}))
            if status == 200 and path.startswith("api/") and path != "api/version":
                status, body = (200, body) if self.headers["Authorization"] == f"Token {KEY}" else (401, WRONG_KEY)
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    answers.url = f"http://localhost:{server.server_port}"
    answers.by_path = {
        "GET health": (200, {"status": "UP", "model_class": "ActiveLearning"}),
        "GET api/version": (200, {"release": "1.23.2"}),
        "GET api/current-user/whoami": (200, {"email": "ann@example.com"}),
        "POST api/ml": (400, {"validation_errors": {"project": ['Invalid pk "0" - object does not exist.']}}),
        "GET api/ml": (200, [{"id": 1, "url": answers.url, "title": "Mine", "readable_state": "Connected"}]),
    }
    yield answers
    server.shutdown()
    server.server_close()


WRONG_KEY = {"detail": "Invalid token."}
Examine = Callable[..., dict[str, Check]]


@pytest.fixture
def look(label_studio: Answers, tmp_path: Path, sqlite_store: Store) -> Examine:
    """Runs the checks of project 7 and returns them by name; the backend listens at Label Studio's address."""
    sqlite_store.ensure_project(7, label_config=CONFIG, backend_url=label_studio.url)
    batch = sqlite_store.plan_batch(7, method="badge", why="", head_version=None, task_ids=[1], size=1)
    sqlite_store.mark_batch(7, batch.number, "published")
    sqlite_store.report_worker("worker 1")
    project = {"title": "t", "label_config": CONFIG, "model_version": batch.version, "sampling": "Uncertainty sampling"}
    hook = {"id": 1, "url": f"{label_studio.url}/webhook", "is_active": True, "send_for_all_actions": True}
    hook["headers"] = {SECRET_HEADER: sqlite_store.project_webhook_secret(7, sqlite_store.webhook_secret())}
    label_studio.by_path |= {"GET api/projects/7": (200, project), "GET api/webhooks": (200, [hook])}

    def checks(**settings: Any) -> dict[str, Check]:
        chosen = {
            "label_studio_url": label_studio.url,
            "label_studio_api_key": KEY,
            "model_dir": tmp_path,
            "database_url": f"sqlite:///{tmp_path / 'store.db'}",
        } | settings
        return {c.what: c for c in run_checks(Settings(**chosen), None, label_studio.url)}

    return checks


def wrong(checks: dict[str, Check]) -> dict[str, str]:
    return {c.what: f"{c.detail} ▸ {c.remedy}" for c in checks.values() if not c.passed}


def test_every_check_of_a_connected_project_passes(look: Examine):
    checks = look()
    assert wrong(checks) == {}
    assert checks["API key"].detail == "legacy token of ann@example.com"
    assert len(checks) == 15


def test_a_wrong_address_of_label_studio_is_the_only_failed_check(look: Examine):
    checks = look(label_studio_url="http://localhost:1")
    failed = wrong(checks)
    assert list(failed) == ["Label Studio"]
    assert checks["worker"].passed, "services that do not need Label Studio are checked all the same"
    assert "set LABEL_STUDIO_URL" in failed["Label Studio"]


@pytest.mark.parametrize(
    ("key", "kind"),
    [("wrong", "looks like a legacy token"), ("e.y.j", "looks like a personal access token"), (None, "no key")],
)
def test_a_refused_or_missing_key_is_named_with_its_kind(look: Examine, key: str | None, kind: str):
    failed = wrong(look(label_studio_api_key=key))
    assert list(failed) == ["API key"], "the address is right, and nothing else can be checked without a key"
    assert kind in failed["API key"]
    assert "set LABEL_STUDIO_API_KEY" in failed["API key"]


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (
            (403, {"detail": "URL resolves to a reserved network address (block: 127.0.0.0/8)"}),
            "ML_BLOCK_LOCAL_IP=false",
        ),
        ((500, {"detail": "Can't resolve hostname backend"}), "http://backend:9090"),
    ],
)
def test_an_address_that_label_studio_may_not_call_is_named_with_the_remedy(
    look: Examine, label_studio: Answers, answer: tuple[int, Any], remedy: str
):
    label_studio.by_path["POST api/ml"] = answer
    failed = wrong(look())
    assert list(failed) == ["address"]
    assert remedy in failed["address"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (None, "it is missing"),
        ({"is_active": False}, "switched off"),
        ({"headers": {}}, "does not carry the secret"),
        ({"headers": {SECRET_HEADER: "another"}}, "does not carry the secret"),
    ],
)
def test_a_webhook_that_is_missing_or_off_or_without_the_secret_is_named(
    look: Examine, label_studio: Answers, changes: dict[str, Any] | None, problem: str
):
    status, hooks = label_studio.by_path["GET api/webhooks"]
    changed = [] if changes is None else [{**hooks[0], **changes}]
    label_studio.by_path["GET api/webhooks"] = (status, changed)
    failed = wrong(look())
    assert list(failed) == ["project 7: webhook"]
    assert problem in failed["project 7: webhook"]
    assert "ml_backend connect 7" in failed["project 7: webhook"]


@pytest.mark.parametrize(
    ("changes", "check", "problem"),
    [
        ({"sampling": "Sequential sampling"}, "sampling", "Sequential sampling"),
        ({"model_version": "Active learning"}, "served batch", "the order is random"),
        ({"label_config": "<View/>"}, "label config", "Supported: <Choices>"),
    ],
)
def test_changes_in_the_project_that_stop_the_order_are_named(
    look: Examine, label_studio: Answers, changes: dict[str, Any], check: str, problem: str
):
    status, project = label_studio.by_path["GET api/projects/7"]
    label_studio.by_path["GET api/projects/7"] = (status, {**project, **changes})
    failed = wrong(look())
    assert list(failed) == [f"project 7: {check}"]
    assert problem in failed[f"project 7: {check}"]


def test_a_backend_that_cannot_be_reached_or_was_never_connected_is_named(look: Examine, label_studio: Answers):
    status, (entry,) = label_studio.by_path["GET api/ml"]
    label_studio.by_path["GET api/ml"] = (status, [{**entry, "readable_state": "Disconnected"}])
    assert "start the backend if it is not running" in wrong(look())["project 7: backend"]
    label_studio.by_path["GET api/ml"] = (status, [])
    assert "not connected ▸ python -m ml_backend connect 7" in wrong(look())["project 7: backend"]
    label_studio.by_path["GET health"] = (500, {})
    assert "ml_backend serve" in wrong(look())["backend"]


def test_of_several_backends_the_one_with_our_address_is_checked(
    look: Examine, label_studio: Answers, sqlite_store: Store
):
    status, (entry,) = label_studio.by_path["GET api/ml"]
    other = {**entry, "id": 2, "url": "http://other:9090", "readable_state": "Disconnected"}
    label_studio.by_path["GET api/ml"] = (status, [other, entry])
    assert wrong(look()) == {}
    sqlite_store.update_project(7, backend_url="http://proxy.example")
    failed = wrong(look())
    assert list(failed) == ["project 7: backend"]
    assert "set BACKEND_URL to the one of these addresses" in failed["project 7: backend"]
    assert entry["url"] in failed["project 7: backend"]


def test_a_second_active_learning_backend_of_a_project_is_named(look: Examine, label_studio: Answers):
    _, (entry,) = label_studio.by_path["GET api/ml"]
    _, (hook,) = label_studio.by_path["GET api/webhooks"]
    label_studio.by_path["GET api/ml"] = (200, [entry, {**entry, "id": 2, "url": "http://second:9090/"}])
    other_hook = {**hook, "id": 2, "url": "http://second:9090/webhook"}
    label_studio.by_path["GET api/webhooks"] = (200, [hook, {**other_hook, "headers": {"X-Theirs": "x"}}])
    assert wrong(look()) == {}
    label_studio.by_path["GET api/webhooks"] = (200, [hook, other_hook])
    failed = wrong(look())
    assert list(failed) == ["project 7: other backends"]
    assert "http://second:9090" in failed["project 7: other backends"]
    assert "remove one of them in Label Studio" in failed["project 7: other backends"]


def test_a_project_that_the_key_cannot_see_is_named(look: Examine, label_studio: Answers):
    label_studio.by_path["GET api/projects/7"] = (404, {"detail": "No Project matches the given query."})
    assert "has no project at" in wrong(look())["project 7"]


@pytest.mark.filterwarnings("ignore:Importing from .sentence_transformers:DeprecationWarning")
@pytest.mark.parametrize(
    ("settings", "check", "remedy"),
    [
        ({"database_url": "postgresql://u:hidden@127.0.0.1:1/db"}, "database", "check DATABASE_URL"),
        ({"database_url": "mysql://u:hidden@h/db"}, "database", "check DATABASE_URL"),
        ({"redis_url": "redis://127.0.0.1:1/0"}, "queue", "start Redis"),
        ({"embedding_model": "/no/such/model"}, "embedding model", "EMBEDDING_MODEL=minilm"),
    ],
)
def test_a_wrong_variable_is_named_with_the_remedy_and_without_its_password(
    look: Examine, settings: dict[str, Any], check: str, remedy: str
):
    failed = wrong(look(**settings))
    assert list(failed) == [check]
    assert remedy in failed[check]
    assert "hidden" not in failed[check]


def test_checks_are_printed_one_by_one_with_the_remedy_below_a_failed_one():
    console = Console(record=True, width=200, file=StringIO())
    checks = [Check("a", True, "fine"), Check("b", False, "[Errno 111] refused", "do [this]")]
    assert print_checks(console, iter(checks)) == 1
    text = console.export_text()
    assert re.search(r"✓ a: fine\n✗ b: \[Errno 111\] refused\n +▸ do \[this\]\nfailed: b\n", text), text


def test_what_answers_at_the_backends_address_instead_is_said(look: Examine, label_studio: Answers):
    for answer, sentence in {
        (200, '{"status": "UP", "model_class": "Other"}'): "is another ML backend",
        (200, "[]"): "is not this backend",
        (404, "{}"): "does not respond",
    }.items():
        label_studio.by_path["GET health"] = (answer[0], json.loads(answer[1]))
        failed = wrong(look())
        assert list(failed) == ["backend"]
        assert sentence in failed["backend"]
        assert "python -m ml_backend serve" in failed["backend"]


def test_what_the_backend_answered_label_studio_is_said_with_its_remedy(look: Examine, label_studio: Answers):
    status, (entry,) = label_studio.by_path["GET api/ml"]
    error = f"401 Client Error: This backend requires basic auth for url: {entry['url']}/setup"
    label_studio.by_path["GET api/ml"] = (status, [{**entry, "readable_state": "Error", "error_message": error}])
    failed = wrong(look())
    assert list(failed) == ["project 7: backend"]
    assert "refuses the user and the password: set BASIC_AUTH_USER" in failed["project 7: backend"]


def test_an_address_below_label_studios_own_is_the_only_failed_check(look: Examine, label_studio: Answers):
    version = label_studio.by_path["GET api/version"]
    label_studio.by_path["GET some/page/api/version"] = version  # Label Studio answers this below every address
    failed = wrong(look(label_studio_url=f"{label_studio.url}/some/page"))
    assert list(failed) == ["Label Studio"]
    assert f"below Label Studio's own; set LABEL_STUDIO_URL to {label_studio.url} " in failed["Label Studio"]


def test_what_was_chosen_in_the_label_config_is_said(look: Examine, monkeypatch: pytest.MonkeyPatch):
    note = "The texts `title` and `body` are read."
    monkeypatch.setattr(project_checks, "parse", lambda *chosen: replace(parse(*chosen), notes=(note,)))
    assert look()["project 7: label config"].detail == f"'t': 2 classes of 'c'; {note}"


def test_before_the_first_batch_what_it_waits_for_is_said_and_nothing_fails(
    look: Examine, label_studio: Answers, sqlite_store: Store
):
    sqlite_store.forget_project(7)
    sqlite_store.ensure_project(7, label_config=CONFIG, backend_url=label_studio.url)
    status, project = label_studio.by_path["GET api/projects/7"]
    as_connected = {"model_version": "Active learning", "sampling": "Sequential sampling"}
    label_studio.by_path["GET api/projects/7"] = (status, {**project, **as_connected})
    checks = look()
    assert wrong(checks) == {}
    assert checks["project 7: served batch"].detail.startswith("none yet. The tasks were not read yet")


def test_a_worker_that_does_not_run_is_named(look: Examine, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "TOO_OLD_SECONDS", 0.0)
    assert list(wrong(look())) == ["worker"]
    with sqlite_store._database.writing() as connection:
        connection.execute(delete(tables.workers))
    assert "none has run with this database ▸ start one: python -m ml_backend worker" in wrong(look())["worker"]


def test_the_remedy_of_a_failed_run_is_that_of_its_state(look: Examine, sqlite_store: Store):
    sqlite_store.update_project(7, state=ProjectState.FAILED, error="KeyError in `embed`")
    assert "see the worker's log" in wrong(look())["project 7: last run"]
