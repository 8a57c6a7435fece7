"""The numbers on the status page that are computed from the history of runs."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_backend.store import Store
from ml_backend.store.learning_records import LabelStudioUse, RunRecord
from ml_backend.web.page_parts.status import OVERDUE_SECONDS, agreement
from ml_backend.worker.heartbeat import report_worker

BROWSER = {"Accept": "text/html"}


def run(**numbers: Any) -> RunRecord:
    counted = {"right": 0, "asked": 0, "random_right": 0, "random_asked": 0, "labels": 0, "why": ""} | numbers
    return RunRecord(
        project_id=7,
        at=0.0,
        batch=1,
        version="v",
        method="badge",
        reasons=[],
        seconds={},
        label_studio=LabelStudioUse(0, 0.0),
        **counted,
    )


def test_agreement_is_over_the_last_labels_of_runs():
    runs = [
        run(right=1, asked=4, labels=4),
        run(right=3, asked=4, labels=9),
        run(right=0, asked=1, labels=10),
        run(labels=11),
    ]
    assert agreement(runs, window=5) == {"labels": 10, "right": 3, "asked": 5, "share": 0.6}
    assert agreement(runs, window=6) == {"labels": 10, "right": 4, "asked": 9, "share": pytest.approx(4 / 9)}
    assert agreement([run(labels=11)]) is None


@pytest.fixture
def server_of_two_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process started long ago, so that a worker had the time to report."""
    monkeypatch.setattr("ml_backend.web.page_parts.status.STARTED_AT", time.time() - 2 * OVERDUE_SECONDS)


def is_worker_missing(client: FlaskClient) -> bool:
    return bool(client.get("/projects/7/status").json["worker_missing"])


def seen(store: Store, seconds_ago: float, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = time.time() - seconds_ago
    with monkeypatch.context() as patch:
        patch.setattr("ml_backend.store.database.time.time", lambda: moment)
        store.report_worker("host:1")


@pytest.mark.usefixtures("server_of_two_minutes")
def test_a_worker_is_missing_if_none_was_seen_for_a_minute_and_work_waits(
    connected: FlaskClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    words = "No worker has been running for over a minute"
    assert is_worker_missing(connected), "a run is requested, and nobody takes it"
    assert words in connected.get("/projects/7", headers=BROWSER).text
    stopped = "Nothing is learned or published until a worker runs."
    assert stopped in connected.get("/projects/7", headers=BROWSER).text
    seen(sqlite_store, OVERDUE_SECONDS + 1, monkeypatch)
    assert is_worker_missing(connected)
    seen(sqlite_store, OVERDUE_SECONDS / 2, monkeypatch)
    assert not is_worker_missing(connected)
    assert stopped not in connected.get("/projects/7", headers=BROWSER).text
    seen(sqlite_store, OVERDUE_SECONDS + 1, monkeypatch)
    sqlite_store.take_requests(7)
    assert not is_worker_missing(connected), "nothing waits"
    assert words not in connected.get("/projects/7", headers=BROWSER).text


@pytest.mark.usefixtures("server_of_two_minutes")
def test_a_worker_in_a_long_run_is_not_missing_however_long_events_wait(
    connected: FlaskClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr("ml_backend.store.events.time.time", lambda: time.monotonic() - 10 * OVERDUE_SECONDS)
        sqlite_store.add_event(7, "ANNOTATION_CREATED", {})
    assert is_worker_missing(connected)
    report_worker(sqlite_store, "host:1")
    assert not is_worker_missing(connected)


def test_a_worker_has_a_minute_to_start(connected: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ml_backend.web.page_parts.status.STARTED_AT", time.time())
    assert not is_worker_missing(connected)


def test_the_page_shows_the_last_ten_runs_newest_first(connected: FlaskClient, sqlite_store: Store):
    for n in range(12):
        sqlite_store.add_run(run(why=f"reason {n}"))
    page = connected.get("/projects/7/details", headers={"Accept": "text/html"}).text
    assert [int(n) for n in re.findall(r"reason (\d+)", page)] == list(range(11, 1, -1))
