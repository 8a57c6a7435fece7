"""The table of people: labels, time, agreement."""

from __future__ import annotations

import re
import time
from typing import Any

import evaluations
import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from signing_in import BROWSER, sign_in

from ml_backend.annotation import Annotation
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

PAGE = "/projects/7/people"
BAD = "<img src=x onerror=alert(1)>"
COLUMNS = ("labels", "recent", "time", "others", "model", "skips")


@pytest.fixture
def client(locked: FlaskClient, sqlite_store: Store) -> FlaskClient:
    """Signed in, with project 7."""
    sqlite_store.ensure_project(7)
    sign_in(locked, user="ann", password="pässword")
    return locked


def put_labels(store: Store, who: int | None, number: int, lead_time: float | None = None, **options: Any) -> None:
    """Labels of a person, 20 seconds apart. options: of `Annotation`."""
    start = (who or 90) * 1000
    given = [
        Annotation(
            i,
            i,
            who,
            options.get("cancelled", False),
            [],
            "2026",
            created_at=time.time() - 20 * (i - start),
            lead_time=lead_time,
        )
        for i in range(start, start + number)
    ]
    store.upsert_tasks(
        7, [TaskRecord(7, a.task_id, None, None, "2026") for a in given], {}, {a.task_id: [a] for a in given}
    )


def rows(client: FlaskClient) -> dict[str, dict[str, str]]:
    """Name → cells without tags."""
    page = client.get(PAGE, headers=BROWSER).text
    found = {}
    for name, cells in re.findall(r'<th scope="row" class="name">(.*?)</th>(.*?)</tr>', page):
        values = [re.sub(r"<[^>]+>", " ", cell).split() for cell in re.findall(r"<td.*?</td>", cells)]
        found[name] = dict(zip(COLUMNS, (" ".join(value) for value in values), strict=False))
    return found


def test_each_person_has_a_row_with_what_they_did(client: FlaskClient, sqlite_store: Store):
    put_labels(sqlite_store, 1, 12, lead_time=7.4)
    put_labels(sqlite_store, 12, 6)
    put_labels(sqlite_store, 13, 3, lead_time=5.0)
    put_labels(sqlite_store, None, 2)
    sqlite_store.put_people({1: BAD, 13: "Cleo"})
    evaluations.put(sqlite_store, 7, [evaluations.body()])
    found = rows(client)
    assert found == {
        str(escape(BAD)): {
            "labels": "12", "recent": "12", "time": "7.4 s editor open",
            "others": "88% of 40 tasks", "model": "80% of 160 tasks", "skips": "0",
        },
        "user 12": {
            "labels": "6", "recent": "6", "time": "20 s between labels",
            "others": "88% of 40 tasks", "model": "too few", "skips": "0",
        },
        "Cleo": {
            "labels": "3", "recent": "3", "time": "too few", "others": "too few", "model": "too few", "skips": "0",
        },
        "imported": {"labels": "2", "recent": "2", "time": "–", "others": "–", "model": "–", "skips": "0"},
    }  # fmt: skip


def test_pairs_of_people_have_their_names(client: FlaskClient, sqlite_store: Store):
    put_labels(sqlite_store, 1, 3)
    sqlite_store.put_people({1: "Anna"})
    evaluations.put(sqlite_store, 7, [evaluations.body()])
    assert "<td>Anna and user 12</td>" in client.get(PAGE, headers=BROWSER).text


def test_a_project_without_labels_and_one_of_a_single_person_say_what_is_missing(
    client: FlaskClient, sqlite_store: Store
):
    assert "Nobody has labelled a task of this project yet." in client.get(PAGE, headers=BROWSER).text
    put_labels(sqlite_store, 1, 3)
    page = client.get(PAGE, headers=BROWSER).text
    assert "needs a second person" in page
    assert "Known once a model is evaluated." in page


def test_an_evaluation_of_an_earlier_version_has_no_people(client: FlaskClient, sqlite_store: Store):
    put_labels(sqlite_store, 1, 30)
    body = evaluations.body()
    del body["people"]
    evaluations.put(sqlite_store, 7, [body])
    assert rows(client)["user 1"]["others"] == "too few"


def test_names_are_only_for_people_who_are_signed_in(web: FlaskClient, client: FlaskClient):
    assert client.get(PAGE, headers=BROWSER).status_code == 200
    assert web.get(PAGE, headers=BROWSER).status_code == 302
