"""The numbers on the status page that are computed from the history of runs."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from scipy.stats import binomtest

from ml_backend.store import Store
from ml_backend.store.records import LabelStudioUse, RunRecord
from ml_backend.web.chart import Point, share_chart
from ml_backend.web.status import NO_ADVICE, OVERDUE_SECONDS, random_accuracy, rolling_agreement


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
        kappa=None,
        stopping=NO_ADVICE,
        **counted,
    )


def test_accuracy_on_random_tasks_uses_their_newest_labels_and_wilsons_interval():
    runs = [run(random_asked=50), run(right=3, asked=4)]
    runs += [run(random_right=8, random_asked=10)] * 10
    accuracy = random_accuracy(runs)
    assert accuracy is not None
    assert (accuracy["right"], accuracy["asked"], accuracy["share"]) == (80, 100, 0.8)
    theirs = binomtest(80, 100).proportion_ci(method="wilson")
    assert (accuracy["low"], accuracy["high"]) == pytest.approx((theirs.low, theirs.high))
    assert random_accuracy([run(right=3, asked=4)]) is None


def test_agreement_is_rolling_over_the_last_labels_of_runs():
    runs = [
        run(right=1, asked=4, labels=4),
        run(labels=5),
        run(right=3, asked=4, labels=9),
        run(right=0, asked=1, labels=10),
    ]
    assert rolling_agreement(runs, window=5) == [
        {"labels": 4, "right": 1, "asked": 4, "share": 0.25},
        {"labels": 9, "right": 4, "asked": 8, "share": 0.5},
        {"labels": 10, "right": 3, "asked": 5, "share": 0.6},
    ]


def test_an_event_that_has_waited_for_a_minute_shows_that_no_worker_runs(
    connected: FlaskClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    def missing() -> tuple[int, bool]:
        status = connected.get("/projects/7/status").json
        return status["events_waiting"], status["worker_missing"]

    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("ml_backend.store.events.time.time", lambda: now - OVERDUE_SECONDS - 1)
        sqlite_store.add_event(7, "ANNOTATION_CREATED", {})
    assert missing() == (1, True)
    sqlite_store.add_event(7, "ANNOTATION_CREATED", {})
    assert missing() == (2, True), "people go on labelling"
    sqlite_store.drop_events(7, sqlite_store.events(7)[0].id)
    assert missing() == (1, False)


def test_the_page_shows_the_last_ten_runs_newest_first(connected: FlaskClient, sqlite_store: Store):
    for n in range(12):
        sqlite_store.add_run(run(why=f"reason {n}"))
    page = connected.get("/projects/7", headers={"Accept": "text/html"}).text
    assert [int(n) for n in re.findall(r"reason (\d+)", page)] == list(range(11, 1, -1))


def test_the_curve_rises_with_the_share_and_has_a_grid_line_at_its_value():
    chart = str(share_chart([Point(10, 0.25, "low"), Point(20, 0.75, "high")], "labels"))
    (left, low), (right, high) = (
        map(float, point.split(",")) for point in re.findall(r'points="(.*?)"', chart)[0].split()
    )
    assert left < right
    assert high < low, "SVG counts from the top"
    lines = dict(re.findall(r'y1="([\d.]+)"[^>]*/><text[^>]*>(\d+%)<', chart))
    assert (lines[f"{low:.1f}"], lines[f"{high:.1f}"]) == ("25%", "75%")
