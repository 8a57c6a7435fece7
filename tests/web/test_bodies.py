"""Limits hold before a body is parsed; odd numbers, characters and nesting are refused or stored, never an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from random_requests import CONFIG

from ml_backend.store import Store
from ml_backend.web import bodies
from ml_backend.web.context import EXTENSION, READING_MEMORY
from ml_backend.web.serving.admission import MemoryBudget

AUTHORIZED = {"Authorization": "Token label-studio-key"}


def nested(levels: int) -> bytes:
    return b'{"project":7,"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize("path", ["/setup", "/predict", "/webhook", "/validate", "/delete"])
@pytest.mark.parametrize("levels", [201, 900, 100_000])
def test_a_body_with_too_many_levels_is_refused(connected: FlaskClient, path: str, levels: int):
    response = connected.post(path, data=nested(levels))
    assert response.status_code == 400
    assert "more than 200 levels" in response.get_json()["error"]


def test_as_many_levels_as_are_allowed_are_read(connected: FlaskClient):
    assert connected.post("/delete", data=nested(200)).status_code == 200


@pytest.mark.parametrize(("path", "megabytes"), [("/setup", 10), ("/validate", 10), ("/delete", 1)])
def test_a_body_above_the_limit_of_its_route_is_refused(connected: FlaskClient, path: str, megabytes: int):
    response = connected.post(path, data=b" " * (megabytes * 2**20 + 1))
    assert response.status_code == 413
    assert f"larger than the {megabytes} MB that {path} accepts" in response.get_json()["error"]
    assert connected.post(path, data=b" " * megabytes * 2**20).status_code == 400, "this one is read, and is empty"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
def test_a_form_above_the_limit_of_its_route_is_refused(locked: FlaskClient, path: str):
    too_large = {"csrf_token": "x" * 16 * 2**10}
    response = locked.post(path, data=too_large, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 413
    assert f"larger than the 16 KB that {path} accepts" in response.get_json()["error"]


def test_a_body_of_more_values_than_any_needs_is_refused_before_it_is_parsed(
    connected: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bodies, "_parsed", lambda content: pytest.fail("parsed"))
    response = connected.post("/predict", data=b'{"project": 7, "tasks": [' + b"{}," * 4_000_000 + b"{}]}")
    assert response.status_code == 413
    assert "more than 4,000,000 values" in response.get_json()["error"]


def test_commas_and_brackets_in_texts_are_no_values(connected: FlaskClient):
    task = b'{"id": 1, "data": {"text": "' + b"[{,:" * 1_100_000 + b'"}}'
    response = connected.post("/predict", data=b'{"project": 7, "tasks": [' + task + b"]}")
    assert (response.status_code, len(response.get_json()["results"])) == (200, 1)


def test_a_large_body_that_finds_no_memory_is_asked_to_come_again(
    connected: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bodies, "WAIT_SECONDS", 0.0)
    reading: MemoryBudget = connected.application.extensions[EXTENSION].reading
    large = b'{"project": 7, "tasks": []' + b" " * 2**20 + b"}"
    assert reading.take(READING_MEMORY)
    response = connected.post("/predict", data=large)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert connected.post("/delete", data=b'{"project": 7}').status_code == 200, "small bodies need no room"
    reading.give_back(READING_MEMORY)
    assert connected.post("/predict", data=large).status_code == 200
    assert reading.take(READING_MEMORY), "all was given back"


def test_five_thousand_nested_choices_are_a_label_config(connected: FlaskClient):
    levels = range(5000)
    choices = "".join(f'<Choice value="v{level}">' for level in levels) + "</Choice>" * len(levels)
    config = f'<View><Text name="t" value="$text"/><Choices name="c" toName="t">{choices}</Choices></View>'
    assert connected.post("/setup", json={"project": 8, "schema": config}).status_code in {200, 400}
    assert connected.post("/validate", json={"config": config}).status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", str(2**63 - 1), str(2**63), "1" * 40, "9" * 5000, "٣", "7.0", "%00"])
def test_a_project_of_any_number_in_a_path_is_unknown(connected: FlaskClient, number: str):
    for path in ("", "/status", "/settings"):
        assert connected.get(f"/projects/{number}{path}", headers=AUTHORIZED).status_code == 404


def test_lone_surrogates_and_nul_in_a_setting_are_shown(connected: FlaskClient):
    fields = ["\ud800", "\x00", "text"]
    response = connected.patch("/projects/7/settings", json={"text_fields": fields}, headers=AUTHORIZED)
    assert (response.status_code, response.get_json()["text_fields"]) == (200, fields)
    assert connected.get("/projects/7", headers={"Accept": "text/html"}).status_code == 200
    assert connected.get("/projects/7/status").get_json()["settings"]["text_fields"] == fields


@pytest.mark.parametrize("name", ["random_share", "batch_size", "seed", "subpool"])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5000, "-1"])
def test_a_number_out_of_range_is_no_setting(connected: FlaskClient, sqlite_store: Store, name: str, number: str):
    body = f'{{"{name}": {number}}}'.encode()
    assert connected.patch("/projects/7/settings", data=body, headers=AUTHORIZED).status_code == 400
    project = sqlite_store.project(7)
    assert project is not None
    assert project.settings == {}


def test_extra_params_of_any_length_are_not_kept(connected: FlaskClient, sqlite_store: Store):
    body: dict[str, Any] = {
        "project": 7,
        "schema": CONFIG,
        "extra_params": json.dumps({"text_fields": ["x" * 100_000]}),
    }
    response = connected.post("/setup", json=body)
    assert response.status_code == 400
    assert "more than 100,000 characters" in response.get_json()["error"]
    project = sqlite_store.project(7)
    assert project is not None
    assert project.extra_params_seen == []
