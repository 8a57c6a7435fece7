"""/ready and the metrics say what is wrong, and what happens to labels meanwhile."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from ml_backend.store import Store
from ml_backend.store.states import ProjectState
from ml_backend.web.monitoring import readiness, state_metrics
from ml_backend.web.monitoring.timed import TimedReading
from ml_backend.web.stopping import announce_stop

MakeClient = Callable[..., FlaskClient]
ALL = {"database", "queue", "disk", "worker", "running", "label_studio"}
KEY = {"Authorization": "Token label-studio-key"}


@pytest.fixture(autouse=True)
def _always_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request checks anew, and waits long enough on a busy machine."""
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(readiness, "LABEL_STUDIO_FRESH_SECONDS", 0.0)
    monkeypatch.setattr(readiness, "WAIT_SECONDS", 30.0)
    monkeypatch.setattr(state_metrics, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(state_metrics, "WAIT_SECONDS", 30.0)


@pytest.fixture
def client(make_client: MakeClient, sqlite_store: Store) -> FlaskClient:
    """A server that lacks nothing but Label Studio."""
    sqlite_store.ensure_project(7, title="messages", label_config="<View/>")
    sqlite_store.report_worker("worker 1")
    return make_client(label_studio_url="http://127.0.0.1:9", min_free_disk_mb=0)


@contextmanager
def pragma(store: Store, statement: str) -> Iterator[None]:
    """Every connection of the database executes this first."""

    def execute(connection, _record, _proxy):
        connection.execute(f"PRAGMA {statement}")

    engine = store._database._engine
    event.listen(engine, "checkout", execute)
    yield
    event.remove(engine, "checkout", execute)
    store.close()  # new connections do not have it


def metrics(client: FlaskClient) -> dict[str, float]:
    """Name and labels → value."""
    text = client.get("/metrics").get_data(as_text=True)
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def failed(client: FlaskClient) -> set[str]:
    """The checks that did not pass."""
    return {name for name, passed in client.get("/ready").get_json()["checks"].items() if not passed}


def test_ready_needs_no_credentials_and_tells_strangers_only_the_names(client: FlaskClient):
    answer = client.get("/ready")
    assert (answer.status_code, set(answer.get_json()), set(answer.get_json()["checks"])) == (
        200,
        {"ready", "checks"},
        ALL,
    )
    details = client.get("/ready", headers=KEY).get_json()["details"]
    assert set(details) == ALL
    assert "MIN_FREE_DISK_MB" in details["disk"]


def test_label_studio_gone_is_shown_and_does_not_count(client: FlaskClient):
    assert failed(client) == {"label_studio"}
    assert client.get("/ready").status_code == 200
    assert metrics(client)["active_learning_ready"] == 1
    assert metrics(client)["active_learning_check_passed label_studio"] == 0


def test_without_a_worker_it_is_not_ready_unless_the_caller_leaves_that_out(client: FlaskClient, sqlite_store: Store):
    with sqlite_store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE workers SET seen_at = seen_at - 61")
    assert client.get("/ready").status_code == 503
    assert failed(client) == {"worker", "label_studio"}
    assert client.get("/ready?exclude=worker").status_code == 200
    assert metrics(client)["active_learning_worker_seen_seconds"] >= 61


def test_a_disk_below_the_bound_is_not_ready(make_client: MakeClient, sqlite_store: Store):
    sqlite_store.report_worker("worker 1")
    client = make_client(label_studio_url="http://127.0.0.1:9", min_free_disk_mb=10**9)
    assert client.get("/ready").status_code == 503
    assert failed(client) == {"disk", "label_studio"}
    assert metrics(client)["active_learning_free_disk_bytes"] > 0


def test_a_server_that_is_stopping_is_not_ready(client: FlaskClient):
    handled: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: handled.append(number))
    try:
        announce_stop(client.application)
        assert failed(client) == {"label_studio"}
        os.kill(os.getpid(), signal.SIGTERM)
        assert failed(client) == {"running", "label_studio"}
        assert handled == [signal.SIGTERM], "the server stops as before"
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_database_that_cannot_be_written_to_is_said_everywhere_although_it_can_be_read(
    client: FlaskClient, sqlite_store: Store
):
    sqlite_store.update_project(7, state=ProjectState.READY)
    with pragma(sqlite_store, "query_only=ON"):
        assert failed(client) >= {"database"}
        assert client.get("/ready").status_code == 503
        status = client.get("/projects/7/status").get_json()
        assert status["state"] == "failed"
        assert "cannot be written to (attempt to write a readonly database)" in status["error"]
        assert "Free disk space" in status["remedy"]
        for page in ("/projects/7", "/projects"):
            shown = client.get(page, headers={"Accept": "text/html"}).get_data(as_text=True)
            assert "attempt to write a readonly database" in shown
        measured = metrics(client)
        assert (measured["active_learning_ready"], measured["active_learning_check_passed database"]) == (0, 0)
        assert measured["active_learning_projects"] == 1, "what can be read is measured"
        sent = client.post("/webhook", json={"action": "ANNOTATION_CREATED", "project": {"id": 7}})
        assert sent.status_code == 503
    assert failed(client) == {"label_studio"}
    assert client.get("/projects/7/status").get_json()["state"] == "ready"


def test_a_full_database_refuses_the_webhook_and_not_the_reader(client: FlaskClient, sqlite_store: Store):
    with sqlite_store._database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    body = {"action": "TASKS_CREATED", "project": {"id": 7}, "tasks": [{"id": n} for n in range(10_000)]}
    with pragma(sqlite_store, f"max_page_count={pages}"):
        refused = client.post("/webhook", json=body)
        assert refused.status_code == 503
        assert "Nothing is lost" in refused.get_json()["error"]
        assert client.get("/projects/7/status").status_code == 200
    assert client.post("/webhook", json=body).status_code == 200


def test_a_value_is_read_once_for_all_who_ask_within_its_lifetime():
    counted: list[int] = []
    reading = TimedReading(lambda: counted.append(1) or "value", lifetime=3600.0)
    for _ in range(5):
        reading.start()
        assert reading.value(time.monotonic() + 30) == "value"
    assert len(counted) == 1


def test_what_hangs_is_waited_for_until_the_deadline_and_is_not_started_twice():
    counted: list[int] = []
    going_on = threading.Event()

    def hang() -> str:
        counted.append(1)
        going_on.wait(60)
        return "value"

    reading = TimedReading(hang, lifetime=0.0)
    for _ in range(3):
        reading.start()
        assert reading.value(time.monotonic()) is None
    going_on.set()
    assert reading.value(time.monotonic() + 30) == "value"
    assert len(counted) == 1


def test_the_metrics_of_each_project_are_read_from_its_row_and_its_events(client: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, labels_behind=3, last_success_at=time.time() - 100, failed_runs=2)
    sqlite_store.add_event(7, "ANNOTATION_CREATED", {})
    measured = metrics(client)
    assert measured["active_learning_labels_behind 7"] == 3
    assert measured["active_learning_seconds_since_success 7"] >= 100
    assert measured["active_learning_failed_runs_total 7"] == 2
    assert measured["active_learning_oldest_event_seconds 7"] > 0
    assert measured["active_learning_queue_messages"] == 0
    assert measured["active_learning_webhook_problem 7"] == 0


def test_the_number_of_queries_of_a_scrape_does_not_grow_with_the_projects(client: FlaskClient, sqlite_store: Store):
    def queries() -> int:
        counted: list[str] = []

        def count(_connection, _cursor, statement, *_rest):
            counted.append(statement)

        engine = sqlite_store._database._engine
        event.listen(engine, "before_cursor_execute", count)
        client.get("/metrics")
        event.remove(engine, "before_cursor_execute", count)
        return len(counted)

    before = queries()
    for number in range(100, 120):
        sqlite_store.ensure_project(number)
    assert queries() == before
