"""The application on a real store and a real task queue that no worker reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.web.app import create_app
from ml_backend.worker.queue import TaskQueue

CONFIG = (
    '<View><Text name="message" value="$text"/><Choices name="topic" toName="message">'
    '<Choice value="bug"/><Choice value="praise"/></Choices></View>'
)
KEY = "label-studio-key"

MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def make_client(sqlite_store: Store, tmp_path: Path) -> MakeClient:
    """Makes a test client of the application; settings by name."""

    def make(**settings: Any) -> FlaskClient:
        chosen = Settings(**{"model_dir": tmp_path, "label_studio_api_key": KEY, **settings})
        client = create_app(chosen, sqlite_store, TaskQueue(chosen)).test_client()
        client.environ_base["CONTENT_TYPE"] = "application/json"  # as Label Studio sends, unless a test says otherwise
        return client

    return make


@pytest.fixture
def web(make_client: MakeClient) -> FlaskClient:
    """The application without basic auth."""
    return make_client()


@pytest.fixture
def locked(make_client: MakeClient) -> FlaskClient:
    """The application with basic auth."""
    return make_client(basic_auth_user="ann", basic_auth_pass="pässword")


@pytest.fixture
def connected(web: FlaskClient, sqlite_store: Store) -> FlaskClient:
    """The application after Label Studio connected project 7, which a worker has confirmed."""
    sqlite_store.ensure_project(7)
    body = {"project": "7.1795470497", "schema": CONFIG, "hostname": "http://localhost:8080", "access_token": "x"}
    assert web.post("/setup", json=body).status_code == 200
    return web
