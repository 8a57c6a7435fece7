"""The liveness file of a worker: touched while it reaches database and queue, and read by its health check."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.heartbeat import TOO_OLD_SECONDS, liveness_problem, touch_liveness_file
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


def test_a_worker_without_its_queue_is_unhealthy(sqlite_store: Store, tmp_path: Path, file: Path):
    touch_liveness_file(sqlite_store, TaskQueue(Settings(model_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")), file)
    assert liveness_problem(file) is not None


def test_a_worker_without_its_database_is_unhealthy(tmp_path: Path, file: Path):
    away = Store("postgresql://u:p@127.0.0.1:1/none")
    touch_liveness_file(away, TaskQueue(Settings(model_dir=tmp_path)), file)
    away.close()
    assert liveness_problem(file) is not None
