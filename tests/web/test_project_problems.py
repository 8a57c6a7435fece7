"""Annotations that could not be read are shown in the status, on the page and in the metrics."""

from __future__ import annotations

from flask.testing import FlaskClient

from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts

REASON = "the value of a result is a list; <it> has to be an object"


def test_an_annotation_that_could_not_be_read_is_shown_with_its_task_and_the_reason(
    connected: FlaskClient, sqlite_store: Store
):
    counts = ProjectCounts(
        answer_problems_total=150, answer_problems=[{"task": 12, "annotation": 34, "reason": REASON}]
    )
    sqlite_store.update_project(7, counts=counts)
    status = connected.get("/projects/7/status").get_json()
    assert status["answer_problems_total"] == 150
    assert status["answer_problems"] == [{"task": 12, "annotation": 34, "reason": REASON}]
    page = connected.get("/projects/7/details", headers={"Accept": "text/html"}).text
    assert "Annotations that could not be read" in page
    assert "150 annotations (the first 1)" in page
    assert '/projects/7/data?task=12">12</a>' in page
    assert "&lt;it&gt; has to be an object" in page
    assert 'active_learning_answer_problems{project="7"} 150.0' in connected.get("/metrics").text


def test_without_such_annotations_the_page_says_nothing_of_them(connected: FlaskClient):
    page = connected.get("/projects/7/details", headers={"Accept": "text/html"}).text
    assert "could not be read" not in page
