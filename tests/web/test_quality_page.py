"""What the page about quality adds: changes of settings, examples of confused classes, and calibration in words."""

from __future__ import annotations

import re
from typing import Any

import evaluations
import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from signing_in import BROWSER, sign_in

from ml_backend.pipeline.evaluation_words import calibration_sentence
from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts, TaskRecord

PAGE = "/projects/7/quality"
BAD = "<script>alert('x')</script>"


@pytest.fixture
def evaluated(connected: FlaskClient, sqlite_store: Store) -> FlaskClient:
    """The application with project 7, evaluated at 100, 200 and 300 labels."""
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"bug": 200, "praise": 100}, labeled=300))
    evaluations.put(sqlite_store, 7, [evaluations.body(f"v{n}", n) for n in (100, 200, 300)])
    return connected


def change_at(store: Store, monkeypatch: pytest.MonkeyPatch, at: float, **changes: list[Any]) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ml_backend.store.setting_changes.time.time", lambda: at)
        store.add_setting_change(7, "ann@example.com", changes)


def test_changes_of_settings_are_marked_at_the_labels_of_that_time(
    evaluated: FlaskClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    at = [evaluation.at for evaluation in sqlite_store.evaluation_history(7)]
    change_at(sqlite_store, monkeypatch, at[0] - 9, batch_size=[None, 10])
    change_at(sqlite_store, monkeypatch, at[1] + 0.1, strategy=["margin", "entropy"])
    change_at(sqlite_store, monkeypatch, at[1] + 0.2, class_descriptions=[None, {"bug": BAD}])
    page = evaluated.get(PAGE, headers=BROWSER).text
    assert re.findall(r'class="mark" .*?><title>(.*?)</title>', page) == [
        f"strategy: margin → entropy; class_descriptions: default → bug: {escape(BAD)}"
    ]
    assert ">2, 3</text>" in page
    listed = re.findall(r"<li><time.*?</time>(.*?)</li>", page)
    assert listed[:2] == [
        ", before the first evaluation: batch_size: default → 10",
        ", at 200 labels: strategy: margin → entropy",
    ]
    assert BAD not in page
    assert "ann@example.com" not in page, "who changed them is for people who are signed in"


def test_changes_before_the_first_point_are_listed_without_words_about_lines(
    evaluated: FlaskClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    (first, second, _) = [evaluation.at for evaluation in sqlite_store.evaluation_history(7)]
    change_at(sqlite_store, monkeypatch, first - 9, batch_size=[None, 10])
    page, now = (evaluated.get(path, headers=BROWSER).text for path in (PAGE, "/projects/7"))
    assert "before the first evaluation: batch_size" in page
    assert "Vertical lines" not in page
    assert "Dashed lines" not in now
    change_at(sqlite_store, monkeypatch, second + 0.1, batch_size=[10, 20])
    page, now = (evaluated.get(path, headers=BROWSER).text for path in (PAGE, "/projects/7"))
    assert "Vertical lines" in page
    assert "Dashed lines" in now


def test_a_mark_stands_where_the_labels_were(evaluated: FlaskClient, sqlite_store: Store, monkeypatch: Any):
    at = [evaluation.at for evaluation in sqlite_store.evaluation_history(7)]
    change_at(sqlite_store, monkeypatch, at[1] + 0.1, strategy=["margin", "entropy"])
    page = evaluated.get(PAGE, headers=BROWSER).text
    (x,) = re.findall(r'class="mark" x1="([\d.]+)"', page)
    assert x == re.findall(r'<circle class="dot" cx="([\d.]+)"', page)[1]


def test_texts_of_confused_classes_are_for_people_who_are_signed_in(
    locked: FlaskClient, web: FlaskClient, sqlite_store: Store
):
    sqlite_store.ensure_project(7)
    texts = {"a" * 32: "It crashes", "b" * 32: BAD}
    records = [TaskRecord(7, task, h, None, "2026") for task, h in zip((31, 32), texts, strict=True)]
    sqlite_store.upsert_tasks(7, records, texts)
    evaluations.put(sqlite_store, 7, [evaluations.body()])
    anybody = web.get(PAGE, headers=BROWSER).text
    assert "labelled <strong>praise</strong>, predicted <strong>bug</strong>: 5 of 30 labels" in anybody
    assert "It crashes" not in anybody
    assert "to see texts that are confused" in anybody
    sign_in(locked, user="ann", password="pässword")
    page = locked.get(PAGE, headers=BROWSER).text
    found = re.findall(r'data\?task=(\d+)" aria-label="[^"]*">Task \d+</a> <span class="text">(.*?)</span>', page)
    assert found == [("31", "It crashes"), ("32", str(escape(BAD)))]


def test_an_evaluation_without_examples_is_shown(connected: FlaskClient, sqlite_store: Store):
    pair = {"given": "praise", "predicted": "bug", "labels": 5, "of": 30, "share": 0.04}
    evaluations.put(sqlite_store, 7, [evaluations.body(confusions=[pair])])
    assert (
        "labelled <strong>praise</strong>, predicted <strong>bug</strong>" in connected.get(PAGE, headers=BROWSER).text
    )


def part(labels: int, confidence: float, right: float) -> dict[str, Any]:
    return {"labels": labels, "confidence": confidence, "right": right}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            [part(100, 0.6, 0.51), part(100, 0.91, 0.84)],
            "When it says 91% sure, it is right in about 84%. Over 200 labels it is 8 points surer than it is right.",
        ),
        ([part(100, 0.5, 0.6), part(100, 0.9, 0.96)], "8 points less sure than it is right"),
        ([part(100, 0.7, 0.72), part(100, 0.95, 0.93)], "about as sure as it is right"),
    ],
)
def test_calibration_in_words(parts: list[dict[str, Any]], expected: str):
    assert expected in calibration_sentence({"reliability": parts})


def test_few_labels_say_nothing_about_calibration():
    assert calibration_sentence({"reliability": [part(19, 0.9, 0.5)]}) == ""
    assert calibration_sentence({"reliability": []}) == ""
