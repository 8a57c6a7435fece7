"""The liveness file of a worker: touched while it reaches database and queue, and read by its health check."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.heartbeat import (
    TOO_OLD_SECONDS,
    liveness_problem,
    report_worker,
    start_heartbeat,
    touch_liveness_file,
)
from ml_backend.worker.queue import TaskQueue


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "worker"


def test_a_worker_that_reached_database_and_queue_is_healthy_for_a_minute(
    sqlite_store: Store, tmp_path: Path, file: Path
):
    assert "yet" in (liveness_problem(file) or "")
    touch_liveness_file(sqlite_store, TaskQueue(Settings(model_dir=tmp_path)), file)
    assert liveness_problem(file) is None
    old = time.time() - TOO_OLD_SECONDS - 1
    os.utime(file, (old, old))
    assert "61 s" in (liveness_problem(file) or "")


@pytest.mark.parametrize("with_file", [True, False])
def test_a_worker_reports_in_the_database_and_with_a_file_only_if_it_has_no_parent(
    sqlite_store: Store, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, with_file: bool
):
    reported = threading.Event()
    monkeypatch.setattr("ml_backend.worker.heartbeat.time.sleep", lambda _seconds: reported.set() or _for_ever())
    monkeypatch.setattr("ml_backend.worker.heartbeat.LIVENESS_FILE", file)
    touched: list[object] = []
    monkeypatch.setattr("ml_backend.worker.heartbeat.touch_liveness_file", lambda *given: touched.append(given))
    settings = Settings(model_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'store.db'}")
    start_heartbeat(settings, "host:1", with_file=with_file)
    assert reported.wait(30)
    assert sqlite_store.worker_seen_at() is not None
    assert bool(touched) == with_file


def _for_ever() -> None:
    threading.Event().wait()


def test_reporting_goes_on_when_the_database_does_not_answer(caplog: pytest.LogCaptureFixture):
    report_worker(Store("postgresql://u:p@127.0.0.1:1/none"), "host:1")
    assert "cannot write to its database" in caplog.text


def test_a_worker_without_its_queue_is_unhealthy(sqlite_store: Store, tmp_path: Path, file: Path):
    touch_liveness_file(sqlite_store, TaskQueue(Settings(model_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")), file)
    assert liveness_problem(file) is not None


def test_a_worker_without_its_database_is_unhealthy(tmp_path: Path, file: Path):
    away = Store("postgresql://u:p@127.0.0.1:1/none")
    touch_liveness_file(away, TaskQueue(Settings(model_dir=tmp_path)), file)
    away.close()
    assert liveness_problem(file) is not None
