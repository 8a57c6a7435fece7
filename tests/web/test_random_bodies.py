"""Random requests at every route: none fails the server, none that is refused changes data, and runs go on afterwards.

`RANDOM_BODIES=100000 RANDOM_SEED=7 pytest -s tests/web/test_random_bodies.py` sends so many requests to each kind of
database instead of 600, and other ones than the seed 1; it takes about 15 minutes for each.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_label_studio import FakeLabelStudio
from flask.testing import FlaskClient
from live_loop import gold_texts, new_project
from local_backend import WordHashes, services
from random_requests import CONFIG, RandomRequest, RandomRequests

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.texts import text_hash
from ml_backend.learning import Head
from ml_backend.learning.head.files import to_bytes
from ml_backend.project_settings import known_names
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, HeadRecord
from ml_backend.store.states import ProjectState
from ml_backend.web.app import create_app
from ml_backend.web.label_studio_routes import protocol
from ml_backend.web.page_parts.status import project_status
from ml_backend.worker.queue import TaskQueue
from ml_backend.worker.worker import Worker

REQUESTS = int(os.environ.get("RANDOM_BODIES", "600"))
SEED = int(os.environ.get("RANDOM_SEED", "1"))
COMPARED_EVERY = max(1, REQUESTS // 1500)
"""Number of requests after which the data before and after one is compared, which takes as long as the request."""
RUN_EVERY = max(300, REQUESTS // 50)
KEY = "label-studio-key"
ADDRESS = "http://127.0.0.1:9"
"""Of the backend in Label Studio; nothing listens there."""


def _put_head(store: Store, project_id: int) -> None:
    """A head of the classes of CONFIG, and the vector of a text that requests hold."""
    embedder, text = WordHashes(), "the app crashes"
    head = Head().fit(embedder.encode([text, "thank you"]), np.array([0, 1]), n_classes=2)
    record = HeadRecord(
        "head 1", project_id, ["bug", "praise"], False, embedder.name, 2, to_bytes(head), Agreement(), 1.0
    )
    store.put_head(record)
    store.put_embeddings(embedder.name, [text_hash(text)], embedder.encode([text]))


def _send(client: FlaskClient, request: RandomRequest) -> int:
    """The status of the response."""
    with client.open(request.path, method=request.method, data=request.body, headers=request.headers) as response:
        response.get_data()
        return response.status_code


def _data(store: Store) -> Any:
    """What a refused request must not change; that a label config was refused is shown in the state."""
    projects = [replace(p, state=ProjectState.NEW, phase="", error=None) for p in store.projects()]
    return projects, store.event_count(), store.pending_projects()


def _run_all(worker: Worker, store: Store) -> None:
    """Run every project, as a worker does every minute, whatever events and settings the requests left."""
    for project in store.projects():
        worker.run(project.id)
    failed = [(p.id, p.error, p.settings) for p in store.projects() if p.state == ProjectState.FAILED]
    assert failed == []


@pytest.fixture
def label_studio() -> Iterator[FakeLabelStudio]:
    """A fake of its own, since requests name projects of any number."""
    server = FakeLabelStudio()
    yield server
    server.stop()


@pytest.mark.timeout(600 + REQUESTS / 10)
def test_no_request_fails_the_server_and_no_stored_event_or_setting_fails_a_run(
    store: Store,
    tmp_path: Path,
    label_studio: FakeLabelStudio,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.CRITICAL, "ml_backend")  # which says something about most requests
    monkeypatch.setattr(protocol, "EMBEDDING_WAIT_SECONDS", 0.0)
    client = LabelStudio(label_studio.url, label_studio.token)
    project_id = new_project(client, gold_texts(8), CONFIG)
    label_studio.add_backend(project_id, ADDRESS)
    settings = Settings(model_dir=tmp_path, label_studio_api_key=KEY, backend_url=ADDRESS)
    queue = TaskQueue(settings)
    backend = create_app(settings, store, queue).test_client()
    store.ensure_project(project_id)
    connection = {"project": project_id, "schema": CONFIG}
    assert backend.post("/setup", json=connection).status_code == 200
    _put_head(store, project_id)
    worker = Worker(store, queue, services(store, client))
    requests, statuses = RandomRequests(SEED, project_id, KEY), Counter[int]()
    for number in range(REQUESTS):
        is_compared = number % COMPARED_EVERY == 0
        before, request = _data(store) if is_compared else None, requests.next()
        status = _send(backend, request)
        assert status < 500, (number, request)
        assert not is_compared or status < 400 or _data(store) == before, (number, request)
        statuses[status] += 1
        if number % RUN_EVERY == 0:
            _run_all(worker, store)
    print(f"{REQUESTS} requests, responses by status: {sorted(statuses.items())}")
    assert statuses[200] > REQUESTS / 10 < statuses[400], "requests of both kinds"
    _run_all(worker, store)
    defaults = dict.fromkeys(known_names())
    authorized = {"Authorization": f"Token {KEY}"}
    assert backend.patch(f"/projects/{project_id}/settings", json=defaults, headers=authorized).status_code == 200
    assert backend.post("/setup", json=connection).status_code == 200
    _run_all(worker, store)
    project = store.project(project_id)
    assert project is not None
    status = project_status(store, project)
    assert (status["state"], status["tasks"], status["events_waiting"]) == ("ready", 8, 0)
    client.close()
