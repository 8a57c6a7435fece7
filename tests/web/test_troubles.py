"""The table of docs/monitoring.md: what /ready and /metrics say in each trouble, on real databases and a real Redis."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from redis.exceptions import ConnectionError as NoRedis
from sqlalchemy import Engine, make_url, text
from studios import Fake

from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.web.access import cookie
from ml_backend.web.app import create_app
from ml_backend.web.monitoring import readiness, state_metrics
from ml_backend.worker.queue import TaskQueue

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
MakeServer = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def _always_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request checks anew, and waits long enough on a busy machine."""
    for module, name in [
        (readiness, "FRESH_SECONDS"),
        (readiness, "LABEL_STUDIO_FRESH_SECONDS"),
        (state_metrics, "FRESH_SECONDS"),
    ]:
        monkeypatch.setattr(module, name, 0.0)
    monkeypatch.setattr(readiness, "WAIT_SECONDS", 60.0)
    monkeypatch.setattr(state_metrics, "WAIT_SECONDS", 60.0)


@pytest.fixture
def server(fake_label_studio: Fake, tmp_path: Path) -> Iterator[MakeServer]:
    """Makes a server with one project and a worker that was just seen, beside a Label Studio that answers."""
    opened: list[Store] = []

    def make(**settings: object) -> FlaskClient:
        chosen = Settings(**{"model_dir": tmp_path / "data", "label_studio_url": fake_label_studio.url, **settings})
        store = Store(chosen.database_url)
        store.create()
        store.ensure_project(7, last_success_at=time.time())
        store.report_worker("worker 1")
        opened.append(store)
        return create_app(chosen, store, TaskQueue(chosen)).test_client()

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a Redis of this test's own, and what stops it."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server")
    port = free_port(0)
    command = [program, "--port", str(port), "--save", "", "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with Redis(port=port) as client:
        while True:
            try:
                client.ping()
                break
            except NoRedis:
                assert process.poll() is None, "Redis has ended"
                time.sleep(0.05)

    def stop() -> None:
        process.kill()
        process.wait()

    yield f"redis://127.0.0.1:{port}/0", stop
    stop()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root may mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> None:
    """Write until the disk is full."""
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def documented() -> dict[str, tuple[str, str, str]]:
    """Trouble → status of /ready, failed checks, and whether the metrics of the projects are there."""
    rows = re.findall(r"^\| ([a-zA-Z ]+) \| (\d+) \| ([^|]*) \| (yes|no) \|", PAGE.read_text(), re.MULTILINE)
    return {trouble: (status, checks.strip(), projects) for trouble, status, checks, projects in rows}


def observed(client: FlaskClient) -> tuple[str, str, str]:
    """The same of a server."""
    answer = client.get("/ready")
    body = answer.get_json()
    failed = [name for name, passed in body["checks"].items() if not passed]
    page = client.get("/metrics")
    assert page.status_code == 200
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.get_data(as_text=True))
        for sample in family.samples
    }
    assert samples["active_learning_ready",] == float(body["ready"])
    assert {key[1] for key, value in samples.items() if key[0] == "active_learning_check_passed" and not value} == set(
        failed
    )
    has_projects = ("active_learning_labels", "7") in samples
    shown = ", ".join(f"`{name}`" for name in failed) or "none"
    return str(answer.status_code), shown, "yes" if has_projects else "no"


def test_nothing_is_wrong_and_no_worker_and_label_studio_gone(server: MakeServer, fake_label_studio: Fake):
    client = server(min_free_disk_mb=0)
    assert observed(client) == documented()["nothing"]
    fake_label_studio.server.faults.down = True
    try:
        assert observed(client) == documented()["Label Studio gone"]
    finally:
        fake_label_studio.server.faults.down = False
    store: Store = client.application.extensions["active_learning"].store
    with store._database.writing() as connection:
        connection.execute(text("UPDATE workers SET seen_at = seen_at - 61"))
    assert observed(client) == documented()["no worker"]


def test_a_full_disk(server: MakeServer, tmp_path: Path):
    with small_disk(tmp_path / "disk") as folder:
        client = server(model_dir=folder, min_free_disk_mb=1)
        assert observed(client) == documented()["nothing"]
        fill(folder)
        body = {"action": "ANNOTATION_CREATED", "project": {"id": 7}, "annotation": {"id": 1, "task": 2}}
        refused = {client.post("/webhook", json=body).status_code for _ in range(20)}
        assert refused == {503}, "Label Studio learns that it was not stored"
        assert observed(client) == documented()["full disk"]
        status = client.get("/projects/7/status").get_json()
        assert (status["state"], "disk is full" in status["error"]) == ("failed", True)
        (folder / "filler").unlink()
        assert client.post("/webhook", json=body).status_code == 200
        assert observed(client) == documented()["nothing"]
        client.application.extensions["active_learning"].store.close()


def test_the_database_is_gone_and_comes_back(server: MakeServer, postgres_url: str, postgres_server: Engine):
    client = server(database_url=postgres_url, min_free_disk_mb=0)
    assert observed(client) == documented()["nothing"]
    name = make_url(postgres_url).database

    def rename(old: str, new: str) -> None:
        with postgres_server.connect() as connection:
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{old}'"))
            connection.execute(text(f"ALTER DATABASE {old} RENAME TO {new}"))

    rename(str(name), f"{name}_gone")
    try:
        assert observed(client) == documented()["database gone"]
        answer = client.get("/projects/7/status")
        assert (answer.status_code, "cannot be used" in answer.get_json()["error"]) == (503, True)
        client.set_cookie(cookie.NAME, "what this server has not read yet")
        for accept in ("application/json", "text/html"):
            for path in ("/projects/7/status", "/projects", "/sign-in"):
                answer = client.get(path, headers={"Accept": accept})
                assert (answer.status_code, "cannot be used" in answer.text) == (503, True)
        assert client.get("/health").status_code == 200
        assert observed(client) == documented()["database gone"]
    finally:
        rename(f"{name}_gone", str(name))
    assert observed(client) == documented()["nothing"]


def test_redis_is_gone_and_events_are_stored_all_the_same(
    server: MakeServer, own_redis: tuple[str, Callable[[], None]]
):
    url, stop = own_redis
    client = server(redis_url=url, min_free_disk_mb=0)
    assert observed(client) == documented()["nothing"]
    stop()
    assert observed(client) == documented()["Redis gone"]
    body = {"action": "ANNOTATION_CREATED", "project": {"id": 7}, "annotation": {"id": 1, "task": 2}}
    assert client.post("/webhook", json=body).status_code == 200


def test_other_data_is_under_a_key_of_the_queue(server: MakeServer, redis_url: str):
    client = server(redis_url=redis_url, min_free_disk_mb=0, label_studio_api_key="key")
    storage = client.application.extensions["active_learning"].queue.huey.storage
    for key in (storage.queue_key, storage.schedule_key):
        storage.conn.set(key, "x")
        assert observed(client) == documented()["other data under a key of the queue"]
        details = client.get("/ready", headers={"Authorization": "Token key"}).get_json()["details"]
        assert f"DEL {key}" in details["queue"]
        storage.conn.delete(key)
        assert observed(client) == documented()["nothing"]
