"""What the page of the map fetches: positions, colours and texts."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from mapped_project import HOSTILE, PROJECT, label, make_project, texts, worker

from ml_backend.store import Store
from ml_backend.web.context import EXTENSION
from ml_backend.web.views import map as map_view

N = 30
AUTH = {"Authorization": "Token label-studio-key", "Accept-Encoding": "gzip"}
POSITIONS = f"/projects/{PROJECT}/map/positions"
COLOURS = f"/projects/{PROJECT}/map/colours"


@pytest.fixture
def project(sqlite_store: Store) -> Store:
    make_project(sqlite_store, [*texts(N - 1), HOSTILE])
    return sqlite_store


@pytest.fixture
def at_work(web: FlaskClient, project: Store) -> Iterator[FlaskClient]:
    """The application with a worker."""
    with worker(project, web.application.extensions[EXTENSION].queue):
        yield web


def test_positions_and_colours_are_sent_small_and_only_once(at_work: FlaskClient, project: Store):
    for address in (POSITIONS, f"{COLOURS}?by=label"):
        first = at_work.get(address, headers=AUTH)
        assert (first.status_code, first.headers["Content-Encoding"]) == (200, "gzip")
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert "X-Out-Of-Date" not in first.headers
        again = at_work.get(address, headers={**AUTH, "If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        plain = at_work.get(address, headers={"Authorization": AUTH["Authorization"]})
        assert "Content-Encoding" not in plain.headers
        assert plain.data == gzip.decompress(first.data)
    known = at_work.get(COLOURS, headers=AUTH).headers["ETag"]
    label(project, {1: "bug"})
    assert at_work.get(COLOURS, headers={**AUTH, "If-None-Match": known}).status_code == 200


def test_while_no_worker_answers_the_last_map_is_shown_and_said_to_be_old(
    web: FlaskClient, project: Store, monkeypatch: pytest.MonkeyPatch
):
    with worker(project, web.application.extensions[EXTENSION].queue):
        known = web.get(POSITIONS, headers=AUTH)
    monkeypatch.setattr(map_view, "SHORT_WAIT_SECONDS", 0.02)
    old = web.get(POSITIONS, headers=AUTH)
    assert (old.status_code, old.headers["X-Out-Of-Date"], old.data) == (200, "1", known.data)


def test_refusals_name_what_is_wrong(at_work: FlaskClient, project: Store):
    assert at_work.get(POSITIONS).status_code == 401
    assert at_work.get(COLOURS).status_code == 401
    wrong = at_work.get(f"{COLOURS}?by=smell", headers=AUTH)
    assert wrong.status_code == 400
    assert "label, prediction, confidence, annotator, batch, not by 'smell'" in wrong.get_json()["error"]
    no_model = at_work.get(f"{COLOURS}?by=prediction", headers=AUTH)
    assert no_model.status_code == 400
    assert "There is no model yet" in no_model.get_json()["error"]
    project.ensure_project(8)
    empty = at_work.get("/projects/8/map/positions", headers=AUTH)
    assert (empty.status_code, "no text of this project is embedded" in empty.get_json()["error"]) == (404, True)


def test_texts_of_a_few_tasks(at_work: FlaskClient):
    address = f"/projects/{PROJECT}/texts"
    assert at_work.get(f"{address}?task=1").status_code == 401
    found = at_work.get(f"{address}?task={N}&task=1&task=999", headers=AUTH).get_json()["texts"]
    assert found == [{"task": N, "text": HOSTILE}, {"task": 1, "text": texts(1)[0]}]
    for query in ("task=one", "&".join("task=1" for _ in range(101))):
        assert at_work.get(f"{address}?{query}", headers=AUTH).status_code == 400


def page(client: FlaskClient, project_id: int = PROJECT) -> str:
    headers = {"Authorization": AUTH["Authorization"], "Accept": "text/html"}
    return client.get(f"/projects/{project_id}/map", headers=headers).text


def test_the_page_says_what_can_be_done_about_the_layout(at_work: FlaskClient, project: Store):
    def keep(**about: Any) -> None:
        project.put_file(
            PROJECT, "map/positions", b"", {"key": "k", "newer": 0, "kind": "principal components", **about}
        )

    assert "This is a quick layout" in page(at_work)
    keep(kind="neighbours")
    assert "layout" not in page(at_work).split('id="map-layout"')[1].split("</div>")[0]
    keep(kind="neighbours", newer=1200)
    assert "1,200 texts are newer than this layout" in page(at_work)
    project.ensure_project(8)
    assert "There is nothing to draw yet" in page(at_work, 8)


def test_the_page_shows_how_far_the_layout_is(web: FlaskClient, project: Store):
    job = project.add_job(PROJECT, "map_layout", {}, "Ann")
    project.take_job(["map_layout"], "worker")
    project.report_job(job.id, "worker", 30, 750, "arranging the texts")
    shown = page(web)
    assert "arranging the texts" in shown
    assert 'max="750" value="30"' in shown
    project.end_job(job.id, "worker", "failed", error="It <b>broke</b>.")  # type: ignore[arg-type]
    assert "It &lt;b&gt;broke&lt;/b&gt;." in page(web)
